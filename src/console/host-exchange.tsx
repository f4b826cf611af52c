// Of one host, in words: who gives to it and to whom it gives.

import { formatBytes, formatRate } from "./format.ts";
import { labelOf } from "./host-label.ts";
import type { ChosenHost } from "./piece-maps.tsx";
import type { ShownTask } from "./task-page.tsx";

interface Flow {
  readonly host: string;
  readonly bytes: number;
  readonly rate: number;
}

const shown = 16;

export function HostExchange({ task, chosen, choose }: ChosenHost) {
  const host = chosen === undefined ? undefined : task.hosts[chosen];
  if (chosen === undefined || host === undefined) return null;
  const gets = Object.entries(host.givers).map(([giver, [bytes = 0, rate = 0]]) => ({ host: giver, bytes, rate }));
  const gives = Object.entries(task.hosts).flatMap(([to, { givers }]) => {
    const [bytes = 0, rate = 0] = givers[chosen] ?? [];
    return bytes === 0 ? [] : [{ host: to, bytes, rate }];
  });
  return (
    <section class="card" aria-labelledby="exchange">
      <div class="heading">
        <h2 id="exchange">{labelOf(chosen, host.address)} exchanges with</h2>
        <button type="button" class="quiet" onClick={() => choose(undefined)}>
          Close
        </button>
      </div>
      <div class="exchange">
        <Flows title="Gets from" flows={gets} task={task} />
        <Flows title="Gives to" flows={gives} task={task} />
      </div>
    </section>
  );
}

function Flows({
  title,
  flows,
  task,
}: {
  readonly title: string;
  readonly flows: readonly Flow[];
  readonly task: ShownTask;
}) {
  const sorted = [...flows].sort((a, b) => b.rate - a.rate || b.bytes - a.bytes);
  return (
    <div>
      <h3>{title}</h3>
      {sorted.length === 0 && <p class="muted">nobody</p>}
      <ul>
        {sorted.slice(0, shown).map(({ host, bytes, rate }) => (
          <li key={host}>
            <span>{host === task.supernode ? "supernode" : labelOf(host, task.hosts[host]?.address)}</span>
            <span class="number">{rate > 0 ? formatRate(rate) : formatBytes(bytes)}</span>
          </li>
        ))}
      </ul>
      {sorted.length > shown && <p class="muted">and {sorted.length - shown} more</p>}
    </div>
  );
}
