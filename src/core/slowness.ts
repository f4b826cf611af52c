// Which neighbour is so much slower than the others that it does more harm than good: a broken link or disk, not merely a weak host.

import type { DownloadTuning } from "./download-tuning.ts";
import type { Neighbour } from "./neighbour.ts";

export function findSlow(
  neighbours: readonly Neighbour[],
  { slowShare, slowPeers }: Pick<DownloadTuning, "slowShare" | "slowPeers">,
): Neighbour | undefined {
  const measured = neighbours.filter(({ seed, rate }) => !seed && rate > 0).sort((a, b) => a.rate - b.rate);
  const [slowest, ...others] = measured;
  const usual = others[others.length >> 1]?.rate ?? 0;
  return slowest !== undefined && others.length >= slowPeers && slowest.rate < usual * slowShare ? slowest : undefined;
}
