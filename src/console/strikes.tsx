// What a host is accused of, by whom and when.

import type { LiveStrike } from "../wire/live.ts";
import { formatAgo, shortId } from "./format.ts";

const meanings = {
  corrupt: "sent bytes that do not match the signed digest",
  stalled: "stopped in the middle of pieces",
  lied: "said that it holds what it does not",
  slow: "was far slower than others",
  operator: "isolated by an operator",
} as const;

export function Strikes({ of, strikes }: { readonly of: string; readonly strikes: readonly LiveStrike[] }) {
  if (strikes.length === 0) return <span class="muted">none</span>;
  return (
    <details class="strikes">
      <summary aria-label={`${strikes.length} strikes of ${of}`}>{strikes.length}</summary>
      <ul>
        {[...strikes].reverse().map(({ reason, agoMs, by, version }, nth) => (
          // They only ever grow older together.
          <li key={nth}>
            <b>{reason}</b>: {meanings[reason]}
            <span class="under">
              {formatAgo(agoMs)}
              {by !== undefined && `, told by ${shortId(by)}`}
              {version !== undefined && `, version ${shortId(version)}`}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}
