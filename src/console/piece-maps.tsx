// A line for each host: a picture of the pieces it holds, and how it gets on. Choosing one shows whom it exchanges with.

import { useState } from "preact/hooks";
import { formatLeft, formatPercent, formatRate } from "./format.ts";
import { labelOf } from "./host-label.ts";
import { PieceMap } from "./piece-map.tsx";
import type { ShownTask } from "./task-page.tsx";

export interface ChosenHost {
  readonly task: ShownTask;
  readonly chosen: string | undefined;
  readonly choose: (host: string | undefined) => void;
}

const few = 12;

export function PieceMaps({ task, chosen, choose }: ChosenHost) {
  const [all, setAll] = useState(false);
  const hosts = Object.entries(task.hosts);
  const shown = all ? hosts : hosts.slice(0, few);
  const total = task.complete + task.fetching;
  const share = task.pieces === undefined ? undefined : task.held / task.pieces;
  return (
    <>
      <ul class="maps">
        <li class="seed">
          <span class="who">supernode</span>
          <PieceMap map={task.map} cells={task.cells} colour="supernode" full={share === 1} />
          <span class="share">{share === undefined ? "" : formatPercent(share)}</span>
          <span class="pace">{task.rates.read > 0 ? formatRate(task.rates.read) : ""}</span>
        </li>
        {shown.map(([id, host]) => {
          const done = host.state === "complete";
          const held = done ? 1 : host.held / (task.pieces ?? Number.POSITIVE_INFINITY);
          const pace = done ? "complete" : `${formatRate(host.rate)}, ${formatLeft(host.leftMs)}`;
          return (
            <li key={id}>
              <button type="button" aria-pressed={chosen === id} onClick={() => choose(chosen === id ? undefined : id)}>
                <span class="who">{labelOf(id, host.address)}</span>
                <PieceMap map={host.map} cells={task.cells} colour="peers" full={done} />
                <span class="share">{formatPercent(held)}</span>
                <span class="pace">{pace}</span>
              </button>
            </li>
          );
        })}
      </ul>
      {hosts.length === 0 && <p class="muted">No host takes part.</p>}
      {hosts.length > few && (
        <button type="button" class="quiet" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? "Show fewer" : `Show all ${hosts.length}`}
        </button>
      )}
      {total > hosts.length && <span class="muted"> {total - hosts.length} more hosts take part.</span>}
    </>
  );
}
