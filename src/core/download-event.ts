// What a download is told and what it wants done: the two sides of the machine in download.ts.

import type { Bitset } from "./bitset.ts";
import type { HostId, PieceIndex } from "./ids.ts";

/** What a neighbour can be blamed for. */
export type PieceFault = "corrupt" | "stalled" | "lied" | "slow";

export type DownloadEvent =
  /** The manifest names the digests of [from, to) now. */
  | { readonly type: "known"; readonly from: PieceIndex; readonly to: PieceIndex }
  /** The manifest is whole. */
  | { readonly type: "sealed"; readonly length: number }
  /** A neighbour to exchange with; the shell dials it. */
  | { readonly type: "introduced"; readonly id: HostId; readonly seed: boolean }
  /** The neighbour answered, or told anew, what it holds. */
  | { readonly type: "bitmap"; readonly id: HostId; readonly held: Bitset; readonly rttMs?: number | undefined }
  | { readonly type: "have"; readonly id: HostId; readonly pieces: readonly PieceIndex[] }
  | { readonly type: "gone"; readonly id: HostId }
  /** Answers to requests; `piece` undefined is a request for any piece. */
  | { readonly type: "granted"; readonly id: HostId; readonly piece: PieceIndex }
  | {
      readonly type: "busy";
      readonly id: HostId;
      readonly piece: PieceIndex | undefined;
      readonly retryAfterMs: number;
    }
  | { readonly type: "not-held"; readonly id: HostId; readonly piece: PieceIndex | undefined }
  | { readonly type: "arriving"; readonly id: HostId; readonly piece: PieceIndex }
  | { readonly type: "verified"; readonly id: HostId; readonly piece: PieceIndex }
  | { readonly type: "corrupt"; readonly id: HostId; readonly piece: PieceIndex }
  /** It came, nobody signed its digest, and it takes another neighbour to confirm it. */
  | { readonly type: "vouched"; readonly id: HostId; readonly piece: PieceIndex }
  /** What `go-to-origin` asked for is read, or nothing answers there now. */
  | { readonly type: "origin-left" }
  /** The origin was read by this host itself and gave this piece. */
  | { readonly type: "fetched"; readonly piece: PieceIndex }
  /** Whether the supernode, and the seed with it, is there. */
  | { readonly type: "seed-away" }
  | { readonly type: "seed-back" }
  /** Someone reads in order up to `last` and is here; undefined when nobody does. */
  | { readonly type: "reader"; readonly piece: PieceIndex | undefined; readonly last?: PieceIndex }
  | { readonly type: "wake" };

export type DownloadEffect =
  | { readonly type: "request"; readonly to: HostId; readonly piece: PieceIndex }
  | { readonly type: "request-any"; readonly to: HostId; readonly wanted: Bitset }
  | { readonly type: "cancel"; readonly to: HostId; readonly piece: PieceIndex }
  /** Ask the supernode for `count` fresh neighbours; `least` may be dropped for one of them. */
  | { readonly type: "more-neighbours"; readonly count: number; readonly least: HostId | undefined }
  | { readonly type: "drop"; readonly id: HostId }
  | {
      readonly type: "strike";
      readonly id: HostId;
      readonly piece: PieceIndex;
      readonly reason: PieceFault;
    }
  /** Read what is missing of [from, to) at the origin (null: to its end): no seed is there and no neighbour can help. */
  | { readonly type: "go-to-origin"; readonly from: PieceIndex; readonly to: PieceIndex | null }
  /** It stalled for the first time in a row: whether it is there at all is the supernode's to find out. */
  | { readonly type: "doubt"; readonly id: HostId }
  /** The seed and all neighbours lack these. */
  | { readonly type: "starving"; readonly pieces: Bitset }
  /** A reader waits for [from, to), which the seed would come to much later. */
  | { readonly type: "read-first"; readonly from: PieceIndex; readonly to: PieceIndex }
  | { readonly type: "complete" };
