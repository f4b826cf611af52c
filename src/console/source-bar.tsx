// Where bytes came from, as one bar: peers, supernode, origin.

import { formatBytes, formatPercent } from "./format.ts";

export interface Sources {
  readonly peers: number;
  readonly supernode: number;
  readonly origin: number;
}

export const sourceNames = { peers: "peers", supernode: "the supernode", origin: "the origin" } as const;
const order = ["peers", "supernode", "origin"] as const;

export function SourceBar({ bytes }: { readonly bytes: Sources }) {
  const total = bytes.peers + bytes.supernode + bytes.origin;
  const words = order
    .filter((source) => bytes[source] > 0)
    .map((source) => `${formatPercent(bytes[source] / total)} from ${sourceNames[source]}`);
  const label = total === 0 ? "nothing received yet" : `${formatBytes(total)}: ${words.join(", ")}`;
  return (
    <span class="sources" role="img" aria-label={label} title={label}>
      {total > 0 &&
        order.map((source) => <i key={source} class={source} style={{ width: `${(bytes[source] / total) * 100}%` }} />)}
    </span>
  );
}

/** Names the colours, with a number to each where there is one. */
export function SourceLegend({ values }: { readonly values?: Readonly<Record<keyof Sources, string>> }) {
  return (
    <ul class="legend">
      {order.map((source) => (
        <li key={source}>
          <i class={source} aria-hidden="true" />
          {source}
          {values !== undefined && <b>{values[source]}</b>}
        </li>
      ))}
    </ul>
  );
}
