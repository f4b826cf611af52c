// What a daemon says of why its last download was as fast as it was.

import type { ProcessHost } from "./process-swarm.ts";

export interface Explained {
  readonly cause: string;
  readonly setBy: string | null;
  readonly words: readonly string[];
  readonly dropped: readonly { readonly reason: string }[];
  readonly bound: { readonly times: number } | null;
}

/** What the daemon of a host says of its last download. */
export async function byDaemon(host: ProcessHost): Promise<Explained> {
  const { tasks } = JSON.parse(await host.ask("/api/v1/tasks"));
  const { hosts } = JSON.parse(await host.ask(`/api/v1/tasks/${tasks[0].id}/explain`));
  return hosts[0];
}
