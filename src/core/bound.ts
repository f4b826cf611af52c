// The time that no scheme can beat, and what it is that sets it.

/** Rates in bytes a second. */
export interface Capacities {
  readonly hosts: number;
  readonly sizeBytes: number;
  /** At which the content comes into the cluster. */
  readonly source: number;
  /** Of the seeds together. */
  readonly seedUp: number;
  /** Of the slowest host. */
  readonly down: number;
  /** Of all hosts together. */
  readonly upSum: number;
}

export interface Bound {
  readonly seconds: number;
  readonly by: "source" | "downlinks" | "uplinks";
}

/**
 * Within which the content can be on all hosts at best: it has to come in once, each host has to receive it, and all uplinks together have to send a
 * copy to each (Kumar and Ross, HotWeb 2006).
 */
export function boundOf({ hosts, sizeBytes, source, seedUp, down, upSum }: Capacities): Bound {
  const bounds: Bound[] = [
    { by: "source", seconds: sizeBytes / Math.min(source, seedUp) },
    { by: "downlinks", seconds: sizeBytes / down },
    { by: "uplinks", seconds: (hosts * sizeBytes) / (seedUp + upSum) },
  ];
  return bounds.reduce((worst, bound) => (bound.seconds > worst.seconds ? bound : worst));
}
