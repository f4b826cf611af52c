// What goes on in the cluster, at a glance: what the swarm saves, how much flows now, and what runs.

import type uPlot from "uplot";
import type { LiveCluster } from "../wire/live.ts";
import { Chart } from "./chart.tsx";
import { Empty } from "./empty.tsx";
import { FigureCard } from "./figure-card.tsx";
import { formatBytes, formatPercent, formatRate } from "./format.ts";
import type { LiveView } from "./live-client.ts";
import { SourceLegend } from "./source-bar.tsx";
import { TaskTable } from "./task-table.tsx";

const shownTasks = 8;

export function OverviewPage({
  cluster,
  history,
}: {
  readonly cluster: LiveCluster;
  readonly history: LiveView["history"];
}) {
  const { day, rates, hosts, runningCount, taskCount, tasks } = cluster;
  const received = day.peers + day.supernode + day.origin;
  const saved = Math.max(0, day.peers + day.supernode - day.read);
  const shown = Object.entries(tasks).slice(0, shownTasks);
  return (
    <>
      <h1>Overview</h1>
      <dl class="figures">
        <FigureCard
          label="Saved at the origin, last 24 h"
          value={formatBytes(saved)}
          note={
            received === 0
              ? "nothing was received yet"
              : `${formatPercent(saved / received)} of the ${formatBytes(received)} that hosts received`
          }
          tone={saved > 0 ? "good" : undefined}
        />
        <FigureCard
          label="Into hosts now"
          value={formatRate(rates.peers + rates.supernode + rates.origin)}
          note={`${formatRate(rates.read + rates.origin)} from origins`}
        />
        <FigureCard label="Tasks running" value={runningCount} note={`of ${taskCount} that the supernode keeps`} />
        <FigureCard
          label="Hosts connected"
          value={hosts.connected}
          note={hosts.isolated === 0 ? "none is isolated" : <a href="#/hosts">{hosts.isolated} isolated</a>}
          tone={hosts.isolated > 0 ? "bad" : undefined}
        />
      </dl>
      <div class="two">
        <section class="card" aria-labelledby="flow">
          <h2 id="flow">Received by hosts, last two minutes</h2>
          <SourceLegend
            values={{
              peers: formatRate(rates.peers),
              supernode: formatRate(rates.supernode),
              origin: formatRate(rates.origin),
            }}
          />
          <Flow history={history} />
        </section>
        <section class="card" aria-labelledby="day">
          <h2 id="day">Last 24 hours</h2>
          <ul class="legend">
            <li>
              <i class="peers" aria-hidden="true" />
              received by hosts <b>{formatBytes(received)}</b>
            </li>
            <li>
              <i class="origin" aria-hidden="true" />
              read from origins <b>{formatBytes(day.read + day.origin)}</b>
            </li>
          </ul>
          <Day cluster={cluster} />
        </section>
      </div>
      <section class="card" aria-labelledby="tasks">
        <div class="heading">
          <h2 id="tasks">{runningCount > 0 ? "Tasks" : "Tasks used last"}</h2>
          <a href="#/tasks">All tasks</a>
        </div>
        {shown.length === 0 ? (
          <Empty title="No task yet">
            On a host with a daemon, <code>dfget URL</code> makes the first one.
          </Empty>
        ) : (
          <TaskTable tasks={shown} />
        )}
      </section>
    </>
  );
}

function Flow({ history }: { readonly history: LiveView["history"] }) {
  const nowMs = history.at(-1)?.atMs ?? 0;
  const x = history.map(({ atMs }) => (atMs - nowMs) / 1000);
  const peers = history.map((point) => point.peers);
  const supernode = history.map((point) => point.peers + point.supernode);
  const origin = history.map((point) => point.peers + point.supernode + point.origin);
  return (
    <Chart
      label="Rates at which hosts receive, by source, over the last two minutes"
      height={190}
      // Each on top of the next: the largest is painted first.
      lines={[
        { colour: "origin", filled: true },
        { colour: "supernode", filled: true },
        { colour: "peers", filled: true },
      ]}
      data={[x, origin, supernode, peers] as unknown as uPlot.AlignedData}
      formatX={(seconds) => (seconds === 0 ? "now" : `${-seconds} s ago`)}
      formatY={(rate) => formatRate(rate).replace(".0 ", " ")}
      minX={-120}
      maxX={0}
    />
  );
}

function Day({ cluster: { quarters, nowMs } }: { readonly cluster: LiveCluster }) {
  const entries = Object.entries(quarters)
    .map(([beganAt, counts]) => [Number(beganAt), counts] as const)
    .sort(([a], [b]) => a - b);
  // In hours of the local clock, so that the axis names whole ones.
  const shiftMs = new Date(nowMs).getTimezoneOffset() * 60_000;
  const hours = (ms: number): number => (ms - shiftMs) / 3_600_000;
  const x = entries.map(([beganAtMs]) => hours(beganAtMs) + 0.125);
  const received = entries.map(([, [peers = 0, supernode = 0, origin = 0]]) => peers + supernode + origin);
  const read = entries.map(([, [, , origin = 0, fromOrigins = 0]]) => origin + fromOrigins);
  return (
    <Chart
      label="Bytes that hosts received and that were read from origins, by quarter of an hour, over the last 24 hours"
      height={190}
      lines={[
        { colour: "peers", bars: true },
        { colour: "origin", bars: true },
      ]}
      data={[x, received, read] as unknown as uPlot.AlignedData}
      formatX={(hour) => `${String(hour % 24).padStart(2, "0")}:00`}
      formatY={(bytes) => formatBytes(bytes).replace(".0 ", " ")}
      binary
      minX={hours(nowMs) - 24}
      maxX={hours(nowMs) + 0.25}
    />
  );
}
