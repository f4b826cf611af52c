import assert from "node:assert/strict";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { addHost, containerd } from "./containerd.ts";
import { addConfigPath } from "./containerd-config.ts";
import type { Mirror, Tree, Wish } from "./engine.ts";
import { ownComment } from "./text-edit.ts";

const mirror: Mirror = { url: "http://127.0.0.1:65001", authority: "127.0.0.1:65001", tls: false };
const registry = { host: "registry.example", tls: true };
const ours = '[host."http://127.0.0.1:65001"]\n  capabilities = ["pull", "resolve"]\n';
const setting = 'config_path = "/etc/containerd/certs.d"';
const cri = '[plugins."io.containerd.grpc.v1.cri".registry]';

function refused(act: () => unknown, why: RegExp): void {
  assert.throws(
    act,
    (error) => error instanceof DragonflyError && error.code === "bad-config" && why.test(error.message),
  );
}

const hosts: readonly (readonly [name: string, before: string | undefined, after: string])[] = [
  ["no file", undefined, `${ownComment}\nserver = "https://registry.example"\n\n${ours}`],
  ["an empty file", "", ours],
  ["only a server, without a final line end", 'server = "https://x"', `server = "https://x"\n\n${ours}`],
  [
    "another mirror with a comment",
    `server = "https://x"\n\n# the one in the next room\n[host."https://m"]\n  skip_verify = true\n`,
    `server = "https://x"\n\n${ours}\n# the one in the next room\n[host."https://m"]\n  skip_verify = true\n`,
  ],
  [
    "line ends of Windows",
    `[host.'https://m']\r\n  [host.'https://m'.header]\r\n    x = ["y"]\r\n`,
    `${ours.replaceAll("\n", "\r\n")}\r\n[host.'https://m']\r\n  [host.'https://m'.header]\r\n    x = ["y"]\r\n`,
  ],
];

for (const [name, before, after] of hosts) {
  test(`the mirror is the first host in hosts.toml: ${name}`, () => {
    assert.equal(addHost("f", before, { mirror, registry }), after);
    assert.equal(addHost("f", after, { mirror, registry }), after, "a second time");
  });
}

test("the fall-back of docker.io is where it really is, and plain HTTP stays plain", () => {
  const serverOf = (host: string, tls: boolean): string | undefined =>
    addHost("f", undefined, { mirror, registry: { host, tls } }).split("\n")[1];
  assert.equal(serverOf("docker.io", true), 'server = "https://registry-1.docker.io"');
  assert.equal(serverOf("10.0.0.1:5000", false), 'server = "http://10.0.0.1:5000"');
});

test("a hosts.toml that is not understood is refused", () => {
  const wish = { mirror, registry };
  refused(() => addHost("f", 'host = { "https://m" = {} }', wish), /only as tables/);
  refused(() => addHost("f", '[host]\n"https://m".ca = "x"', wish), /only as tables/);
  refused(() => addHost("f", `[host."https://m"]\n${ours}`, wish), /not the first/);
  refused(() => addHost("f", ours.replace('"pull", ', ""), wish), /capabilities must have/);
  refused(() => addHost("f", "server: x", wish), /f:1: /);
});

const configs: readonly (readonly [name: string, before: string | undefined, after: string])[] = [
  ["no file", undefined, `version = 2\n\n${cri}\n  ${setting}\n`],
  ["comments only", "# mine", `# mine\n\nversion = 2\n\n${cri}\n  ${setting}\n`],
  [
    "plugins but no registry",
    'version = 2\n\n[plugins]\n  [plugins."io.containerd.grpc.v1.cri".cni]\n    bin_dir = "/usr/lib/cni"',
    `version = 2\n\n[plugins]\n  [plugins."io.containerd.grpc.v1.cri".cni]\n    bin_dir = "/usr/lib/cni"\n\n${cri}\n  ${setting}\n`,
  ],
  ["an empty registry", `version = 2\n  ${cri} # here\n`, `version = 2\n  ${cri} # here\n    ${setting}\n`],
  [
    "a registry with another setting",
    `version = 2\n${cri}\n\n\t# headers\n\theaders = {}\n`,
    `version = 2\n${cri}\n\t${setting}\n\n\t# headers\n\theaders = {}\n`,
  ],
  [
    "an empty config_path, and empty tables of mirrors, as containerd writes them",
    `version = 2\n${cri}\n  config_path = "" # none\n  ${cri.replace("registry]", "registry.mirrors]")}\n`,
    `version = 2\n${cri}\n  ${setting} # none\n  ${cri.replace("registry]", "registry.mirrors]")}\n`,
  ],
  [
    "version 3",
    "version = 3\r\n[plugins.'io.containerd.cri.v1.images'.registry]\r\nconfig_path = ''\r\n",
    `version = 3\r\n[plugins.'io.containerd.cri.v1.images'.registry]\r\n${setting}\r\n`,
  ],
];

for (const [name, before, after] of configs) {
  test(`config.toml says where certs.d is: ${name}`, () => {
    const added = addConfigPath("f", before);
    assert.equal(added.text, after);
    assert.equal(added.directory, "/etc/containerd/certs.d");
    assert.equal(addConfigPath("f", after).text, undefined, "a second time");
  });
}

test("a config_path that is there is respected, the first directory of several", () => {
  const one = addConfigPath("f", `version = 2\n${cri}\nconfig_path = "/srv/certs/"`);
  assert.deepEqual(one, { directory: "/srv/certs", notes: [] });
  const two = addConfigPath("f", `version = 2\n${cri}\nconfig_path = "/a:/b"`);
  assert.equal(two.directory, "/a");
  assert.match(two.notes.join(), /several directories/);
});

test("a disabled CRI plugin and imports are left alone, and told", () => {
  const disabled = addConfigPath("f", 'disabled_plugins = ["cri"]\n');
  assert.equal(disabled.text, undefined);
  assert.match(disabled.notes.join(), /disabled/);
  assert.match(addConfigPath("f", 'version = 2\nimports = ["/x/*.toml"]\n').notes.join(), /imports other files/);
});

test("a config.toml that would break, or is not understood, is refused", () => {
  const table = cri.slice(0, -1);
  refused(() => addConfigPath("f", 'root = "/x"'), /version 1 of the file/);
  refused(() => addConfigPath("f", "version = 4"), /version 4 of the file/);
  refused(() => addConfigPath("f", `version = 2\n${table}.mirrors."docker.io"]\nendpoint = []`), /move docker\.io to/);
  refused(() => addConfigPath("f", `version = 2\n${table}.configs."a".tls]\nca_file = ""`), /configs with tls/);
  refused(() => addConfigPath("f", `version = 2\n${cri}\nconfig_path = 1`), /not a plain string/);
  refused(() => addConfigPath("f", `version = 2\n${cri}\nconfig_path = "certs"`), /not an absolute path/);
  const outer = '[plugins."io.containerd.grpc.v1.cri"]';
  refused(() => addConfigPath("f", `version = 2\n${outer}\nregistry = {}`), /only as a table of its own/);
  refused(() => addConfigPath("f", `version = 2\n${outer}\nregistry.headers.a = []`), /only as a table of its own/);
  refused(() => addConfigPath("f", "version = 2\nplugins = {}"), /only as a table of its own/);
});

function treeOf(files: Readonly<Record<string, string>>): Tree {
  return {
    read: async (path) => files[path],
    list: async (directory) =>
      Object.keys(files)
        .filter((path) => path.startsWith(`${directory}/`))
        .map((path) => path.slice(directory.length + 1).replace(/\/.*/, "")),
  };
}

const certs = "/etc/containerd/certs.d";
const wish = (host: string): Wish => ({ mirror, registries: [{ host, tls: true }] });

test("a registry's folder is found in the spelling that containerd prefers", async () => {
  const pathFor = async (files: Readonly<Record<string, string>>): Promise<string | undefined> =>
    (await containerd.plan(treeOf(files), wish("r.example:5000"))).files.at(-1)?.path;
  assert.equal(await pathFor({}), `${certs}/r.example:5000/hosts.toml`);
  assert.equal(await pathFor({ [`${certs}/r.example_5000_/ca.pem`]: "" }), `${certs}/r.example_5000_/hosts.toml`);
});

test("a file of ours ends nothing that holds now", async () => {
  const certificate = treeOf({ [`${certs}/r.example/ca.crt`]: "" });
  await assert.rejects(containerd.plan(certificate, wish("r.example")), /ca\.crt counts only without a hosts\.toml/);
  const fallback = treeOf({ [`${certs}/_default/hosts.toml`]: "" });
  await assert.rejects(containerd.plan(fallback, wish("r.example")), /would no longer hold for r\.example/);
});
