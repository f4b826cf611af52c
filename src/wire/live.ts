// What GET /api/v1/events tells: three topics, each a state that is told whole once and by JSON Merge Patch (RFC 7396) from then on. Rates are bytes a
// second, times milliseconds; `…AtMs` are since 1970. What is not known is left out. Types alone: the console reads them as the supernode writes them.

import type { PreheatState } from "../core/preheat-state.ts";
import type { StrikeReason } from "../core/strikes.ts";
import type { SeedState } from "../core/swarm.ts";

export type LiveTopicName = "cluster" | "hosts" | "task";

/** The data of an event: `snapshot` has a state, `patch` a patch of the state told before. */
export type LiveEvent =
  | { readonly topic: LiveTopicName; readonly state: unknown }
  | { readonly topic: LiveTopicName; readonly patch: unknown };

/** Into hosts by source, and from origins into the supernode. */
export type LiveVolume = {
  readonly peers: number;
  readonly supernode: number;
  readonly origin: number;
  readonly read: number;
};

export type LiveCluster = {
  readonly nowMs: number;
  readonly supernode: { readonly id: string; readonly software: string; readonly startedAtMs: number };
  readonly hosts: { readonly connected: number; readonly isolated: number };
  readonly taskCount: number;
  readonly runningCount: number;
  readonly rates: LiveVolume;
  /** Of the last 24 hours, or since the start where that is less. */
  readonly day: LiveVolume;
  /** The same by quarter of an hour: [peers, supernode, origin, read] by the time at which it began. */
  readonly quarters: Readonly<Record<string, readonly number[]>>;
  /** The running ones first, then those used last; no more than a few hundred. */
  readonly tasks: Readonly<Record<string, LiveTaskLine>>;
  readonly preheats: Readonly<Record<string, LivePreheat>>;
};

export type LiveTaskLine = {
  readonly url: string;
  readonly state: SeedState;
  readonly length?: number | undefined;
  /** Pieces that the supernode holds, of all; the latter is left out while nobody knows. */
  readonly held: number;
  readonly pieces?: number | undefined;
  readonly fetching: number;
  readonly complete: number;
  /** Bytes that the hosts which fetch it lack. */
  readonly missing: number;
  /** What hosts received, by source, and what was read from the origin. */
  readonly bytes: LiveVolume;
  readonly rate: number;
};

export type LivePreheat = {
  readonly url: string;
  readonly type: "file" | "image";
  readonly to: string;
  readonly state: PreheatState;
  readonly hosts: number;
  readonly bytes: number;
  readonly totalBytes?: number | undefined;
  readonly contents: Readonly<Record<PreheatState, number>>;
  readonly createdAtMs: number;
  readonly finishedAtMs?: number | undefined;
  readonly error?: string | undefined;
};

export type LiveHosts = {
  /** How many there are; the list may have fewer. */
  readonly count: number;
  readonly hosts: Readonly<Record<string, LiveHost>>;
};

export type LiveHost = {
  readonly address?: string | undefined;
  readonly zone?: string | undefined;
  readonly rack?: string | undefined;
  /** Versions that it fetches, and that it holds and offers. */
  readonly fetching: number;
  readonly complete: number;
  /** At which it receives, and sends by the word of those who fetch. */
  readonly rate: number;
  readonly sendRate: number;
  readonly bytes: { readonly peers: number; readonly supernode: number; readonly origin: number };
  /** Its own, where it told them and there are some. */
  readonly downloadLimit?: number | undefined;
  readonly uploadLimit?: number | undefined;
  readonly isolatedForMs?: number | undefined;
  readonly strikes: readonly LiveStrike[];
};

export type LiveStrike = {
  readonly reason: StrikeReason;
  readonly agoMs: number;
  readonly by?: string | undefined;
  readonly version?: string | undefined;
};

export type LiveTask =
  | { readonly gone: true }
  | (LiveTaskLine & {
      readonly gone?: undefined;
      readonly id: string;
      readonly version: string;
      readonly pieceLength: number;
      /** Pieces a cell of the maps. */
      readonly stride: number;
      readonly cells: number;
      readonly supernode: string;
      /** What the supernode holds: bits of cells, least significant first, in base64. */
      readonly map: string;
      readonly rates: LiveVolume;
      readonly leftMs?: number | undefined;
      readonly hosts: Readonly<Record<string, LiveTaskHost>>;
      /** [milliseconds since the first byte of late, bytes that hosts received by then]. */
      readonly curve: readonly (readonly number[])[];
      /** Within which they could have received all of it, were each as fast as the fastest was. */
      readonly bound?: { readonly ms: number; readonly by: "source" | "downlink" | "uplinks" } | undefined;
    });

export type LiveTaskHost = {
  readonly address?: string | undefined;
  readonly state: "fetching" | "complete";
  readonly held: number;
  readonly bytes: { readonly peers: number; readonly supernode: number; readonly origin: number };
  readonly rate: number;
  readonly leftMs?: number | undefined;
  /** Left out until it has told, and for one that is complete. */
  readonly map?: string | undefined;
  /** By host, the supernode among them: [bytes, rate]. */
  readonly givers: Readonly<Record<string, readonly number[]>>;
};
