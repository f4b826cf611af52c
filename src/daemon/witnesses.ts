// Digests of pieces that no supernode signed, by the word of those who sent them. With no supernode left such a piece is taken when two
// neighbours have sent the same bytes: each has read the origin itself, or has it from two that have, so that one liar is not enough.

import type { HostId, PieceIndex } from "../core/ids.ts";

const needed = 2;
/** Different contents of one piece that are remembered: more are not those of an honest swarm. */
const maxDigests = 8;

export class Witnesses {
  readonly #byPiece = new Map<PieceIndex, Map<string, Set<HostId>>>();

  /** Notes what a host has sent; returns whether enough have sent the same. */
  confirm(piece: PieceIndex, digest: Uint8Array, host: HostId): boolean {
    const name = Buffer.from(digest).toString("hex");
    const digests = this.#byPiece.get(piece) ?? new Map<string, Set<HostId>>();
    this.#byPiece.set(piece, digests);
    const hosts = digests.get(name) ?? new Set();
    if (digests.size < maxDigests) digests.set(name, hosts);
    hosts.add(host);
    if (hosts.size < needed) return false;
    this.#byPiece.delete(piece);
    return true;
  }
}
