// What a download that nobody waits for may take while somebody waits for another: little, but not nothing, so that a preheat ends in time.

/** Bytes a second. */
export const backgroundRate = 1 << 20;

/** `ownRate` is its own limit; 0 is unlimited, there and in the result. */
export function backgroundRateOf(ownRate: number, isWaitedFor: boolean): number {
  if (!isWaitedFor) return ownRate;
  return ownRate === 0 ? backgroundRate : Math.min(ownRate, backgroundRate);
}
