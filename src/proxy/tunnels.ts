// Blind tunnels (RFC 9110, section 9.3.6): bytes to and fro that nobody looks into, so many at once, ended when they have been silent for
// long.

import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { DragonflyError } from "../core/error.ts";
import type { FetchGuard } from "../net/fetch-guard.ts";
import { type Address, parseAddress } from "../runtime/address.ts";

const maxTunnels = 4096;
const connectWithinMs = 10_000;
const silentForMs = 600_000;

export class Tunnels {
  readonly #open = new Set<Duplex>();
  readonly #guard: Pick<FetchGuard, "lookup">;

  constructor(guard: Pick<FetchGuard, "lookup">) {
    this.#guard = guard;
  }

  /** To a name or an address that may be reached, as far as it tells. `head` is what came behind the request. */
  open({ host, port }: Address, near: Duplex, head: Buffer): void {
    if (this.#open.size >= maxTunnels) return refuseTunnel(near, "503 Service Unavailable");
    this.#open.add(near);
    const far = connect({ host, port, allowHalfOpen: true, lookup: this.#guard.lookup });
    far.setTimeout(connectWithinMs, () => far.destroy());
    let connected = false;
    far.once("connect", () => {
      connected = true;
      far.setTimeout(silentForMs);
      near.write(established);
      far.write(head);
      near.pipe(far);
      far.pipe(near);
    });
    let refusal = "502 Bad Gateway";
    far.on("error", (error) => {
      if (error instanceof DragonflyError) refusal = "403 Forbidden";
      far.destroy();
    });
    far.once("close", () => {
      if (!connected && !near.destroyed) refuseTunnel(near, refusal);
      else near.destroy();
    });
    near.once("close", () => {
      this.#open.delete(near);
      far.destroy();
    });
  }

  close(): void {
    for (const near of this.#open) near.destroy();
  }
}

export const established = "HTTP/1.1 200 Connection established\r\n\r\n";

/** HOST:PORT of a CONNECT request; undefined for what is none. */
export function tunnelTarget(target: string | undefined): Address | undefined {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(target ?? "") ?? [];
  if (host === undefined || Number(port) > 65_535) return undefined;
  return parseAddress(`${host}:${port}`);
}

export function refuseTunnel(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
