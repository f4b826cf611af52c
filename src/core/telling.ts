// When a seed tells the swarm that its manifest grew. Each tell is a message to every host and a signature that every host verifies, so
// the seed hurries only while hosts would otherwise run out of pieces that nobody has. docs/swarm.md, rule 9.

/** Digests are gathered for so long, but for the first: those who ask for the content wait for it. */
const gatherMs = 5;
/** Between two tells, while little that is told is still to be given; then, while there is plenty. */
const hurriedMs = 20;
const leisurelyMs = 100;
const plentyPieces = 32;

export class Telling {
  #toldMs = Number.NEGATIVE_INFINITY;

  /** When to tell a piece that landed now; `backlog` pieces are told and were never given. */
  dueMs(backlog: number, nowMs: number): number {
    if (this.#toldMs === Number.NEGATIVE_INFINITY) return nowMs;
    const pauseMs = backlog < plentyPieces ? hurriedMs : leisurelyMs;
    return Math.max(nowMs + gatherMs, this.#toldMs + pauseMs);
  }

  told(nowMs: number): void {
    this.#toldMs = nowMs;
  }
}
