// One task while it runs: what each host holds, who feeds whom, how fast, how long it takes still, and how near that is to the best there can be.

import { useState } from "preact/hooks";
import type { LiveTask } from "../wire/live.ts";
import { remove } from "./api.ts";
import { CompletionChart } from "./completion-chart.tsx";
import { ConfirmButton } from "./confirm-button.tsx";
import { Empty } from "./empty.tsx";
import { FeedGraph } from "./feed-graph.tsx";
import { FigureCard } from "./figure-card.tsx";
import { formatBytes, formatLeft, formatPercent, formatRate, nameOf, shortId } from "./format.ts";
import { HostExchange } from "./host-exchange.tsx";
import { PieceMaps } from "./piece-maps.tsx";
import { SourceBar, SourceLegend } from "./source-bar.tsx";
import { StateChip, shareOf } from "./task-table.tsx";

export type ShownTask = Exclude<LiveTask, { gone: true }>;

export function TaskPage({ id, task }: { readonly id: string; readonly task: LiveTask | undefined }) {
  const [chosen, choose] = useState<string>();
  if (task === undefined) return <Empty title="Asking the supernode for the task…" />;
  if (task.gone) {
    return (
      <>
        <h1>Task {shortId(id)}</h1>
        <Empty title="The supernode does not know this task now">
          It was removed, or the supernode was restarted and nobody has asked for it since. A host that fetches it
          brings it back here. <a href="#/tasks">All tasks</a>
        </Empty>
      </>
    );
  }
  return (
    <>
      <Head task={task} />
      <Figures task={task} />
      <section class="card" aria-labelledby="maps">
        <div class="heading">
          <h2 id="maps">What each host holds</h2>
          <span class="muted">
            {task.pieces === undefined
              ? "length not known yet"
              : `${task.pieces} pieces of ${formatBytes(task.pieceLength)}`}
          </span>
        </div>
        <PieceMaps task={task} chosen={chosen} choose={choose} />
      </section>
      <div class="two">
        <section class="card" aria-labelledby="curve">
          <h2 id="curve">Completion against the bound</h2>
          <CompletionChart task={task} />
        </section>
        <section class="card" aria-labelledby="feeds">
          <h2 id="feeds">Who feeds whom</h2>
          <p class="under">
            {Object.values(task.hosts).some(({ givers }) => Object.keys(givers).length > 0)
              ? "A host that is chosen, here or above, stands out; what it gives and gets is told below."
              : "No host has told yet whom it exchanges with."}
          </p>
          <FeedGraph task={task} chosen={chosen} choose={choose} />
        </section>
      </div>
      <HostExchange task={task} chosen={chosen} choose={choose} />
    </>
  );
}

function Head({ task }: { readonly task: ShownTask }) {
  const { id, url } = task;
  const name = nameOf(url);
  return (
    <div class="heading">
      <div class="naming">
        <h1>
          {name} <StateChip line={task} />
        </h1>
        <p class="under">{url}</p>
      </div>
      <div class="actions">
        <a class="button" href={`#/tasks/${id}/explain`}>
          Explain
        </a>
        <ConfirmButton
          label="Remove"
          title={`Remove ${name} from the supernode?`}
          confirm="Remove"
          act={async () => {
            await remove(`api/v1/tasks/${id}`);
            location.hash = "#/tasks";
          }}
        >
          The supernode forgets the task and deletes its copy. Hosts keep what they hold; whoever asks again has the
          origin read once more.
        </ConfirmButton>
      </div>
    </div>
  );
}

function Figures({ task }: { readonly task: ShownTask }) {
  const { complete, fetching, rate, rates, leftMs, bytes, length, missing } = task;
  const hosts = complete + fetching;
  const received = bytes.peers + bytes.supernode + bytes.origin;
  return (
    <>
      <dl class="figures">
        <FigureCard
          label="On the hosts"
          value={formatPercent(shareOf(task))}
          note={`${complete} of ${hosts} complete`}
        />
        <FigureCard
          label="Rate, all hosts"
          value={formatRate(rate)}
          note={`${formatRate(rates.read)} from the origin`}
        />
        <FigureCard
          label="Time left"
          value={fetching === 0 ? "done" : formatLeft(leftMs)}
          note={fetching === 0 ? "nobody fetches it now" : `${formatBytes(missing)} to go`}
        />
        <FigureCard
          label="Read from the origin"
          value={length ? `${(bytes.read / length).toFixed(2)}×` : formatBytes(bytes.read)}
          note={`for ${formatBytes(received)} received${length ? `, ${(received / length).toFixed(1)} copies` : ""}`}
        />
      </dl>
      <section class="card strip" aria-label="Rate per source">
        <SourceLegend
          values={{
            peers: `${formatBytes(bytes.peers)}, ${formatRate(rates.peers)}`,
            supernode: `${formatBytes(bytes.supernode)}, ${formatRate(rates.supernode)}`,
            origin: `${formatBytes(bytes.origin)}, ${formatRate(rates.origin)}`,
          }}
        />
        <SourceBar bytes={bytes} />
      </section>
    </>
  );
}
