// How a peer link begins: the HTTP/1.1 upgrade, said by hand because the dialler's socket reads into its own buffers.

import type { IncomingHttpHeaders } from "node:http";
import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";

export const linkPath = "/v1/link";
export const linkProtocol = "dragonfly-link/1";
const hostHeader = "dragonfly-host";
const maxReplyBytes = 8192;

export function upgradeRequest(address: string, hostId: HostId): string {
  return `GET ${linkPath} HTTP/1.1\r\nHost: ${address}\r\nConnection: Upgrade\r\nUpgrade: ${linkProtocol}\r\nDragonfly-Host: ${hostId}\r\n\r\n`;
}

export const upgradeAccepted = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${linkProtocol}\r\n\r\n`;

export function upgradeRefused(status: "400 Bad Request" | "403 Forbidden" | "503 Service Unavailable"): string {
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
}

/** Who asks for a link; undefined when the headers do not ask for one as they should. */
export function requesterOf(headers: IncomingHttpHeaders): HostId | undefined {
  const host = headers[hostHeader];
  if (headers.upgrade?.toLowerCase() !== linkProtocol) return undefined;
  return typeof host === "string" && /^[0-9a-f]{32}$/.test(host) ? (host as HostId) : undefined;
}

/** Collects the answer to `upgradeRequest`, however it is cut. */
export class UpgradeReply {
  #text = "";

  /** How many of these bytes belong to the answer when it ends within them, else undefined. Throws when it is no 101. */
  read(bytes: Buffer): number | undefined {
    const before = this.#text.length;
    this.#text += bytes.toString("latin1");
    const end = this.#text.indexOf("\r\n\r\n");
    if (end < 0) {
      if (this.#text.length > maxReplyBytes) throw unusable("the other host's answer has no end");
      return undefined;
    }
    const [statusLine = "", ...headers] = this.#text.slice(0, end).split("\r\n");
    const status = /^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1];
    if (status === undefined) throw unusable("the other host does not speak HTTP/1.1");
    if (status === "503")
      throw new DragonflyError("overloaded", "the other host takes no more links", { blame: "peer" });
    if (status !== "101")
      throw new DragonflyError("peer-unreachable", `the other host refuses the link with status ${status}`);
    if (!headers.some((header) => /^upgrade:/i.test(header) && header.slice(8).trim().toLowerCase() === linkProtocol)) {
      throw unusable("the other host upgrades to another protocol");
    }
    return end + 4 - before;
  }
}

function unusable(message: string): DragonflyError {
  return new DragonflyError("protocol-violation", message);
}
