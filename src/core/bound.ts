// The bound of docs/swarm.md: the time within which no scheme can bring a file to all hosts.

export interface BoundTerms {
  readonly bytes: number;
  readonly hosts: number;
  /** Bytes a second, here and below; Infinity where nothing limits it, or nobody knows what does. */
  readonly source: number;
  /** What leaves the source for the hosts. */
  readonly seedUp: number;
  readonly down: number;
  /** Of all hosts together. */
  readonly upSum: number;
}

export interface Bound {
  readonly seconds: number;
  /** What makes it so: how fast the content comes into the swarm, how fast one host receives, how fast all send. */
  readonly by: "source" | "downlink" | "uplinks";
}

/** The source has to send it once, each host to receive it, and all uplinks together to send a copy to each (Kumar and Ross, HotWeb 2006). */
export function boundOf({ bytes, hosts, source, seedUp, down, upSum }: BoundTerms): Bound {
  const terms = [
    { seconds: bytes / Math.min(source, seedUp), by: "source" },
    { seconds: bytes / down, by: "downlink" },
    { seconds: (hosts * bytes) / (seedUp + upSum), by: "uplinks" },
  ] as const;
  return terms.reduce((most, term) => (term.seconds > most.seconds ? term : most));
}
