// How programs come to believe the proxy's authority: one line each, ready to be run.

import type { Authority } from "../proxy/authority.ts";

export function trustRecipes({ path: file, hosts }: Pick<Authority, "path" | "hosts">): string {
  const path = quoted(file);
  const [host = "HOST"] = hosts;
  const rows: readonly (readonly [program: string, command: string])[] = [
    ["Debian, Ubuntu, Alpine", `cp ${path} /usr/local/share/ca-certificates/dragonfly.crt && update-ca-certificates`],
    ["RHEL, Fedora, Amazon", `cp ${path} /etc/pki/ca-trust/source/anchors/dragonfly.pem && update-ca-trust`],
    ["docker, for a registry", `mkdir -p /etc/docker/certs.d/${host} && cp ${path} /etc/docker/certs.d/${host}/ca.crt`],
    [
      "podman, skopeo, CRI-O",
      `mkdir -p /etc/containers/certs.d/${host} && cp ${path} /etc/containers/certs.d/${host}/dragonfly.crt`,
    ],
    ["curl", `curl --cacert ${path} https://${host}/`],
    ["wget", `wget --ca-certificate ${path} https://${host}/`],
    ["pip", `pip --cert ${path} download PACKAGE`],
    ["Python, for requests", "export REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt"],
    ["Node.js, npm", `export NODE_EXTRA_CA_CERTS=${path}`],
    ["git, git-lfs", `git config --global http.https://${host}/.sslCAInfo ${path}`],
    ["Java", `keytool -importcert -cacerts -noprompt -alias dragonfly -file ${path}`],
  ];
  const width = Math.max(...rows.map(([program]) => program.length));
  const lines = rows.map(([program, command]) => `${program.padEnd(width)}  ${command}`);
  return `The certificate is ${file}. For all programs that believe the system, one of the first two lines is
enough, and those that run need a restart (systemctl restart docker containerd); the others are for programs with a store of their own.
The --cert of pip, the --cacert of curl and the like replace what is trusted otherwise, for that call.

${lines.join("\n")}
`;
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./@:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
