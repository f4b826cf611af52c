// How far a preheat is, as one value: for one content on one machine, for one content everywhere, and for the whole. The larger follow from
// the smaller.

export type PreheatState = "waiting" | "running" | "done" | "failed" | "cancelled";

export type StateCounts = Readonly<Record<PreheatState, number>>;

/** `running` goes back to `waiting` between two attempts. What is over stays as it is. */
const moves: Readonly<Record<PreheatState, readonly PreheatState[]>> = {
  waiting: ["running", "failed", "cancelled"],
  running: ["waiting", "done", "failed", "cancelled"],
  done: [],
  failed: [],
  cancelled: [],
};

/** The state after a move; unchanged where there is no such move. */
export function moved(from: PreheatState, to: PreheatState): PreheatState {
  return moves[from].includes(to) ? to : from;
}

export function isOver(state: PreheatState): boolean {
  return moves[state].length === 0;
}

export function noStates(): Record<PreheatState, number> {
  return { waiting: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
}

export function countStates(states: Iterable<PreheatState>): StateCounts {
  const counts = noStates();
  for (const state of states) counts[state]++;
  return counts;
}

/** Of the whole, from its parts: it runs until all of them are over, and is done when all of them are done. No parts: done. */
export function stateOfAll({ waiting, running, done, failed, cancelled }: StateCounts): PreheatState {
  if (running > 0) return "running";
  if (waiting > 0) return done + failed + cancelled > 0 ? "running" : "waiting";
  if (failed > 0) return "failed";
  return cancelled > 0 ? "cancelled" : "done";
}
