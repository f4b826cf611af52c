// Which proxy an outgoing request takes, by the variables that curl and wget know: http_proxy, https_proxy, all_proxy, no_proxy.
// The environment is an argument; nothing is read here.

import { BlockList, isIP, isIPv6 } from "node:net";

export type Environment = Readonly<Record<string, string | undefined>>;

const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

interface Exception {
  readonly host: string;
  readonly port: string | undefined;
}

export class ProxySettings {
  readonly #http: string | undefined;
  readonly #https: string | undefined;
  readonly #never: boolean;
  readonly #hosts: Exception[] = [];
  readonly #networks = new BlockList();

  /** Lower case wins over upper case, as in curl. */
  constructor(environment: Environment) {
    const read = (name: string): string | undefined =>
      environment[name] || environment[name.toUpperCase()] || undefined;
    const all = read("all_proxy");
    this.#http = withScheme(read("http_proxy") ?? all);
    this.#https = withScheme(read("https_proxy") ?? all);
    const entries = (read("no_proxy") ?? "").split(/[,\s]+/).filter((entry) => entry !== "");
    this.#never = entries.includes("*");
    for (const entry of entries) this.#except(entry);
  }

  /** The proxy's URL, or undefined where the request goes straight to its host. */
  proxyFor(url: URL): string | undefined {
    const proxy = url.protocol === "https:" ? this.#https : this.#http;
    if (proxy === undefined || this.#never) return undefined;
    const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
    if (isIP(host) !== 0 && this.#networks.check(host, isIPv6(host) ? "ipv6" : "ipv4")) return undefined;
    const port = url.port || defaultPorts[url.protocol];
    const excepted = this.#hosts.some(
      (entry) =>
        (entry.port === undefined || entry.port === port) && (host === entry.host || host.endsWith(`.${entry.host}`)),
    );
    return excepted ? undefined : proxy;
  }

  #except(entry: string): void {
    const [network = "", prefix] = entry.split("/");
    if (prefix !== undefined) {
      if (isIP(network) !== 0 && Number(prefix) <= (isIPv6(network) ? 128 : 32)) {
        this.#networks.addSubnet(network, Number(prefix), isIPv6(network) ? "ipv6" : "ipv4");
      }
      return;
    }
    if (isIPv6(entry)) {
      this.#networks.addAddress(entry, "ipv6");
      return;
    }
    const match = /^\[?(.+?)\]?(?::(\d+))?$/.exec(entry);
    if (match === null) return;
    const host = (match[1] ?? "").replace(/^\*?\./, "").toLowerCase();
    this.#hosts.push({ host, port: match[2] });
  }
}

// "proxy:3128" is common in the wild, and would parse as a URL of the scheme "proxy".
function withScheme(proxy: string | undefined): string | undefined {
  if (proxy === undefined) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}
