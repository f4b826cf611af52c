// Where a process listens or is reached: a host and a port, from text and to text.

import { DragonflyError } from "../core/error.ts";

export interface Address {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:8002`, `[::1]:8002`, `:8002` (every interface); without a port only where `defaultPort` is given. */
export function parseAddress(text: string, defaultPort?: number): Address {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]@]*))(?::(\d{1,5}))?$/i.exec(text.trim());
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (match === null || port === undefined || port > 65_535 || (host === "" && match[3] === undefined)) {
    throw new DragonflyError("bad-config", `"${text}" is not an address: write HOST:PORT, as in 127.0.0.1:8002`);
  }
  return { host: host === "" ? "0.0.0.0" : host, port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Of an `http:` or `https:` URL, with the port that it leaves out. */
export function addressOfUrl(url: string): Address {
  const { protocol, hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || (protocol === "https:" ? 443 : 80)) };
}

/** Whether only this machine can reach it. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/.test(host);
}

/** `http://host:port` of a supernode from a URL, `host:port` or a bare host; `https:` where the URL says so. */
export function supernodeUrl(text: string): string {
  const refuse = (why: string): DragonflyError => new DragonflyError("bad-config", `"${text}" ${why}`);
  const [, scheme = "http", rest = ""] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/i.exec(text.trim()) ?? [];
  if (!/^https?$/i.test(scheme)) throw refuse(`is not a supernode: ${scheme}:// is not spoken, write http://HOST:8002`);
  if (/=\d+$/.test(rest)) throw refuse("has a weight, and supernodes have none: leave out the = and what follows");
  const authority = rest.replace(/\/$/, "");
  if (authority === "" || /[/?#@\s]/.test(authority)) throw refuse("is not a supernode: write http://HOST:8002");
  return `${scheme.toLowerCase()}://${formatAddress(parseAddress(authority, 8002))}`;
}
