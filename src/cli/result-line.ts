// What a download says to people at its end, in one line.

import type { Downloaded } from "../local/download.ts";
import { formatBytes, formatDuration, formatRate } from "../runtime/units.ts";

/** `200.0 MiB in 8.9s (23.6 MB/s): 91% from 8 peers, 9% from the supernode, 0% from the origin` */
export function resultLine({ bytes, from, peers }: Downloaded, elapsedMs: number): string {
  const rate = formatRate((bytes / Math.max(1, elapsedMs)) * 1000);
  const amount = `${formatBytes(bytes)} in ${formatDuration(elapsedMs)} (${rate})`;
  const [byPeers, bySupernode, byOrigin] = percentages([from.peers, from.supernode, from.origin]);
  if (from.peers + from.supernode + from.origin === 0) return `${amount}: all of it was on this host already`;
  const who = peers === 1 ? "1 peer" : `${peers} peers`;
  return `${amount}: ${byPeers}% from ${who}, ${bySupernode}% from the supernode, ${byOrigin}% from the origin`;
}

/** Whole percentages that add up to 100, or all 0: what rounding down leaves goes to the largest remainders. */
export function percentages(parts: readonly number[]): readonly number[] {
  const total = parts.reduce((sum, part) => sum + part, 0);
  if (total === 0) return parts.map(() => 0);
  const exact = parts.map((part) => (part / total) * 100);
  const whole = exact.map(Math.floor);
  const left = 100 - whole.reduce((sum, part) => sum + part, 0);
  const order = exact.map((part, index) => ({ index, rest: part % 1 })).sort((a, b) => b.rest - a.rest);
  for (const { index } of order.slice(0, left)) whole[index] = (whole[index] ?? 0) + 1;
  return whole;
}
