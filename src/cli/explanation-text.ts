// An explanation as a terminal shows it: a line for the task, then each host with its sentences.

import { formatBytes, formatDuration } from "../runtime/units.ts";
import { percentages } from "./result-line.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What an older or newer program does not tell is left out. */
export function explanationText(answer: unknown): string {
  const task = fieldsOf(answer);
  const size = typeof task.length === "number" ? `${formatBytes(task.length)}, ` : "";
  const hosts = Array.isArray(task.hosts) ? task.hosts.map(fieldsOf) : [];
  const head = `${printable(task.url)} (${size}task ${printable(task.task).slice(0, 12)})`;
  const none = "nobody fetched it since the supernode, or the daemon, started";
  return `${[head, ...(hosts.length === 0 ? [none] : hosts.flatMap(hostLines))].join("\n")}\n`;
}

function hostLines(host: Fields): readonly string[] {
  const { peers, supernode, origin } = fieldsOf(host.bytesBySource);
  const bytes = [peers, supernode, origin].map((one) => (typeof one === "number" ? one : 0));
  const [byPeers, bySupernode, byOrigin] = percentages(bytes);
  const took = typeof host.elapsedMs === "number" ? ` in ${formatDuration(host.elapsedMs)}` : "";
  const total = bytes.reduce((sum, one) => sum + one, 0);
  const split = `${byPeers}% peers, ${bySupernode}% supernode, ${byOrigin}% origin`;
  const setBy = typeof host.setBy === "string" ? ` (${printable(host.setBy)})` : "";
  const words = Array.isArray(host.words) ? host.words : [];
  return [
    "",
    `host ${printable(host.host).slice(0, 12)}: ${printable(host.state)}, ${formatBytes(total)}${took}: ${split}`,
    `  limited by: ${printable(host.cause)}${setBy}`,
    ...words.map((sentence) => `  ${printable(sentence)}`),
  ];
}

/** What other machines sent must not drive this terminal. */
function printable(value: unknown): string {
  return (typeof value === "string" ? value : "").replace(/\p{Cc}/gu, "?");
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
