// What a download is doing at one moment, as far as it tells what the download waits for: read now and then by whoever explains it, and
// kept by nobody.

import type { Flights } from "./flights.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import type { Pieces } from "./pieces.ts";

export interface DownloadMoment {
  /** It reads the origin on its own account. */
  readonly atOrigin: boolean;
  /** Every piece is known by its digest. */
  readonly sealed: boolean;
  /** Pieces that may be asked for and are not. */
  readonly open: number;
  /** A rate limit of this host forbids to ask for more. */
  readonly limited: boolean;
  /** Another request would be made, were there somebody to ask. */
  readonly slotFree: boolean;
  /** Requests that are not answered. */
  readonly askedOfPeers: number;
  readonly askedOfSeed: number;
  /** Hosts, the seed among them, that are asked for something now. */
  readonly sources: number;
  /** Neighbours that answered, and those that have something that is missing here. */
  readonly neighbours: number;
  readonly useful: number;
  /** The seed is linked. */
  readonly seedUp: boolean;
}

export interface MomentParts {
  readonly pieces: Pieces;
  readonly neighbours: Neighbourhood;
  readonly flights: Flights;
  readonly slots: number;
  readonly limited: boolean;
  readonly atOrigin: boolean;
}

export function momentOf(parts: MomentParts): DownloadMoment {
  const { pieces, neighbours, flights, slots, limited, atOrigin } = parts;
  let up = 0;
  let useful = 0;
  let sources = 0;
  let seedUp = false;
  let askedOfSeed = 0;
  for (const { seed, state, interest, inFlight } of neighbours.all) {
    if (inFlight > 0) sources++;
    if (seed) {
      seedUp ||= state === "up";
      askedOfSeed += inFlight;
    } else if (state === "up") {
      up++;
      if (interest > 0) useful++;
    }
  }
  return {
    atOrigin,
    sealed: pieces.sealed,
    open: pieces.open.count,
    limited,
    slotFree: flights.hasSlot(slots),
    askedOfPeers: flights.count - askedOfSeed,
    askedOfSeed,
    sources,
    neighbours: up,
    useful,
    seedUp,
  };
}
