// What the live views read.

import type { Cluster } from "./cluster.ts";
import type { Preheats } from "./preheats.ts";
import type { SeedBook } from "./seed-book.ts";

export interface LiveWorld {
  readonly id: string;
  readonly software: string;
  readonly startedAtMs: number;
  /** The supernode's own, in bytes a second; 0 is unlimited. */
  readonly uploadLimit: number;
  readonly cluster: Cluster;
  readonly seeds: SeedBook;
  readonly preheats: Preheats;
}
