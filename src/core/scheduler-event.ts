// What the scheduler is told and what it wants done: the two sides of the machine in scheduler.ts.

import type { WireError } from "./error.ts";
import type { DownloadFacts } from "./explain.ts";
import type { Audience, HostId, PieceIndex, TaskId, VersionId } from "./ids.ts";
import type { StrikeReason } from "./strikes.ts";
import type { BytesBySource, Host, HostLimits, HostLoadReport, Labels } from "./swarm.ts";

export type SchedulerEvent =
  | {
      readonly type: "host-joined";
      readonly id: HostId;
      readonly address: string | null;
      readonly labels: Labels;
      readonly limits?: HostLimits | undefined;
    }
  | { readonly type: "host-left"; readonly id: HostId }
  /** `request` is the host's own number for it, told back in the answer. */
  | {
      readonly type: "register";
      readonly host: HostId;
      readonly request: number;
      readonly task: TaskId;
      readonly audience: Audience;
      /** How old the origin's word on the version may be, where the asker says. */
      readonly maxAgeMs?: number | undefined;
    }
  /** The supernode wants the current version to be there, for no host in particular. */
  | { readonly type: "seed-wanted"; readonly request: number; readonly task: TaskId; readonly audience: Audience }
  /** The origin was asked for this audience: this is the current version. */
  | {
      readonly type: "probed";
      readonly task: TaskId;
      readonly audience: Audience;
      readonly version: VersionId;
      /** How long that counts, where the origin says. */
      readonly freshForMs?: number;
    }
  | { readonly type: "probe-failed"; readonly task: TaskId; readonly audience: Audience; readonly error: WireError }
  | { readonly type: "seed"; readonly version: VersionId; readonly state: "complete" }
  | { readonly type: "seed-failed"; readonly version: VersionId; readonly error: WireError }
  /** A host offers what it has on disk. */
  | {
      readonly type: "holding";
      readonly host: HostId;
      readonly task: TaskId;
      readonly version: VersionId;
      readonly complete: boolean;
    }
  | {
      readonly type: "progress";
      readonly host: HostId;
      readonly version: VersionId;
      readonly heldPieces: number;
      readonly from: BytesBySource;
      readonly complete: boolean;
      readonly facts?: DownloadFacts | undefined;
    }
  /** `moved`: it fetches on, at another home, and gives what it has. */
  | {
      readonly type: "left";
      readonly host: HostId;
      readonly version: VersionId;
      readonly moved?: boolean | undefined;
    }
  /** Two neighbours exchange no more, by the word of one of them. */
  | {
      readonly type: "parted";
      readonly host: HostId;
      readonly version: VersionId;
      readonly neighbour: HostId;
    }
  | {
      readonly type: "more-neighbours";
      readonly host: HostId;
      readonly version: VersionId;
      readonly count: number;
      readonly least: HostId | undefined;
    }
  | {
      readonly type: "strike";
      readonly host: HostId;
      readonly by: HostId | undefined;
      readonly version: VersionId | undefined;
      readonly piece?: PieceIndex | undefined;
      readonly reason: StrikeReason;
    }
  | { readonly type: "load"; readonly host: HostId; readonly load: HostLoadReport }
  | { readonly type: "release"; readonly host: HostId }
  | { readonly type: "forget"; readonly task: TaskId }
  | { readonly type: "wake" };

/** `isolated`: the neighbour is; `you-are-isolated`: the host that is told. */
export type DropReason = "left" | "swapped" | "isolated" | "you-are-isolated";

export type SchedulerEffect =
  | { readonly type: "probe"; readonly task: TaskId; readonly audience: Audience }
  | { readonly type: "start-seed"; readonly task: TaskId; readonly version: VersionId }
  | {
      readonly type: "admit";
      readonly host: HostId;
      readonly request: number;
      readonly version: VersionId;
      readonly neighbours: readonly Host[];
    }
  | { readonly type: "refuse"; readonly host: HostId; readonly request: number; readonly error: WireError }
  /** The answers to `seed-wanted`. */
  | { readonly type: "seeding"; readonly request: number; readonly version: VersionId }
  | { readonly type: "not-seeding"; readonly request: number; readonly error: WireError }
  | {
      readonly type: "introduce";
      readonly host: HostId;
      readonly version: VersionId;
      readonly neighbours: readonly Host[];
    }
  | {
      readonly type: "drop";
      readonly host: HostId;
      readonly version: VersionId;
      readonly neighbour: HostId;
      readonly reason: DropReason;
    }
  /** The version cannot be completed: its peers are told why. */
  | { readonly type: "abandon"; readonly host: HostId; readonly version: VersionId; readonly error: WireError }
  | { readonly type: "isolated"; readonly host: HostId; readonly reason: StrikeReason; readonly untilMs: number }
  | { readonly type: "released"; readonly host: HostId };
