// What happens again and again is said once a while, with how often it happened: somebody who is refused and tries on fills no log.

const quietMs = 60_000;
/** Who comes under many names makes the oldest of them forgotten. */
const maxKept = 1000;

export class Repeats {
  readonly #kept = new Map<string, { readonly saidAtMs: number; unsaid: number }>();

  /** How often it happened since it was last said, this time included; 0 for what was said in the last minute. */
  toSay(what: string, nowMs: number): number {
    const kept = this.#kept.get(what);
    const times = (kept?.unsaid ?? 0) + 1;
    if (kept !== undefined && nowMs - kept.saidAtMs < quietMs) {
      kept.unsaid = times;
      return 0;
    }
    this.#kept.delete(what);
    this.#kept.set(what, { saidAtMs: nowMs, unsaid: 0 });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > maxKept && oldest !== undefined) this.#kept.delete(oldest);
    return times;
  }
}
