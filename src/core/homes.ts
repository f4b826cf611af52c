// Which supernode is a task's home: rendezvous hashing (Thaler and Ravishankar, 1998), so that all hosts choose alike without talking to each
// other, and when one supernode goes only its own tasks move.

import type { HostId } from "./ids.ts";

/** The supernodes in the order in which they are home to a task, or to anything that has a name; of those that live the first is. A new array. */
export function rankHomes(name: string, supernodes: Iterable<HostId>): HostId[] {
  const weighed = [...supernodes].map((id) => ({ id, weight: weigh(name, id) }));
  weighed.sort((a, b) => b.weight - a.weight || (a.id < b.id ? -1 : 1));
  return weighed.map(({ id }) => id);
}

/** Uniform in [0, 2³²) over names that differ anywhere: FNV-1a, and the finaliser of MurmurHash3 so that near names part. */
export function weigh(...names: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const name of names) {
    for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ 0x100, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
