// An explanation in sentences: what it came to, what limited it and what to do, who was dropped, how far it is from the bound.

import type { Cause, DropReason, HostExplanation } from "./explain.ts";

const verdicts: Readonly<Record<Cause, string>> = {
  downlink: "The link of this host was full: its rate hardly strayed while several hosts were sending.",
  limit: "A rate limit held it back",
  neighbours:
    "The neighbours' uplinks were full: it waited for what it had asked of them, or for a place in their lines.",
  seed: "The supernode's uplink was full, or the way from it: most was missing anywhere else.",
  origin: "The origin was slow: the swarm had all that had been read of it.",
  disk: "The disk was slow: pieces waited to be written.",
  processor: "The processor was busy: this process had no rest.",
  isolated: "The supernode has isolated this host: it has no neighbours, and gets everything from the supernode.",
  "no-supernode": "There was no supernode: it read the origin by itself.",
  nobody: "Nobody near had what was missing, and no supernode was there to bring it.",
  unknown: "It was over, or here already, before there was anything to measure.",
};

const drops: Readonly<Record<DropReason, string>> = {
  corrupt: "sent bytes that are not what was signed",
  lied: "lacked what it had offered",
  stalled: "stopped sending",
  slow: "crawled",
  isolated: "was isolated by the supernode",
  unreachable: "could not be reached",
  lost: "broke the connection",
  left: "left",
};

const boundBy = { source: "the source", downlink: "this host's best second", uplinks: "all uplinks together" } as const;
const shownDrops = 8;

export function explanationWords(explained: Omit<HostExplanation, "words">): readonly string[] {
  const { cause, setBy, dropped, bound } = explained;
  const verdict = verdicts[cause];
  const limited = setBy === null ? "" : cause === "limit" ? `: ${setBy}.` : ` Set by ${setBy}.`;
  const words = [cause === "limit" && setBy === null ? `${verdict}.` : `${verdict}${limited}`];
  for (const { host, reason } of dropped.slice(-shownDrops)) words.push(`Host ${host.slice(0, 12)} ${drops[reason]}.`);
  if (dropped.length > shownDrops) words.push(`${dropped.length - shownDrops} more were dropped before.`);
  if (bound !== null) words.push(boundWords(bound));
  return words;
}

function boundWords({ seconds, by, times }: NonNullable<HostExplanation["bound"]>): string {
  const shown = seconds >= 10 ? seconds.toFixed(0) : seconds.toFixed(1);
  return `It took ${times.toFixed(2)} times the ${shown} s that ${boundBy[by]} would have allowed.`;
}
