// What is read from the process's environment outside of the configuration: the proxy variables that curl and wget know.

const names = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];

export function proxyEnvironment(): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    names.flatMap((name) => [name, name.toUpperCase()]).map((name) => [name, process.env[name]]),
  );
}
