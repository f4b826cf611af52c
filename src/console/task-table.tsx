// Tasks in lines: what they are, how far, how fast, and where their bytes come from.

import type { LiveTaskLine } from "../wire/live.ts";
import { formatBytes, formatRate, nameOf } from "./format.ts";
import { ProgressBar } from "./progress-bar.tsx";
import { SourceBar } from "./source-bar.tsx";

export type NamedTask = readonly [id: string, line: LiveTaskLine];

export function TaskTable({ tasks }: { readonly tasks: readonly NamedTask[] }) {
  return (
    <div class="scroll">
      <table class="tasks">
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col">On the hosts</th>
            <th scope="col" class="number">
              Rate
            </th>
            <th scope="col">Received from</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map(([id, line]) => (
            <Line key={id} id={id} line={line} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Line({ id, line }: { readonly id: string; readonly line: LiveTaskLine }) {
  const { url, length, complete, fetching, bytes, rate } = line;
  const hosts = complete + fetching;
  return (
    <tr>
      <th scope="row" class="name">
        <a href={`#/tasks/${id}`}>{nameOf(url)}</a>
        <span class="under" title={url}>
          {url}
        </span>
      </th>
      <td>
        <StateChip line={line} />
      </td>
      <td class="number">{length === undefined ? "unknown" : formatBytes(length)}</td>
      <td>
        {hosts === 0 ? (
          <span class="muted">none has it</span>
        ) : (
          <span class="of">
            <ProgressBar share={shareOf(line)} label={`On the hosts; ${complete} of ${hosts} are complete`} />
            <span class="under">
              {complete} of {hosts} complete
            </span>
          </span>
        )}
      </td>
      <td class="number">{rate > 0 ? formatRate(rate) : <span class="muted">–</span>}</td>
      <td>
        <SourceBar bytes={bytes} />
      </td>
    </tr>
  );
}

/** How much of it the hosts that want it have, of all that they want. */
export function shareOf({ complete, fetching, length, missing }: LiveTaskLine): number {
  const wanted = (complete + fetching) * (length ?? 0);
  return wanted === 0 ? 0 : 1 - missing / wanted;
}

/** What the task does, in a word: the supernode's reading and the hosts' fetching are one thing to who looks on. */
export function StateChip({ line: { state, fetching } }: { readonly line: Pick<LiveTaskLine, "state" | "fetching"> }) {
  if (state === "failed") return <span class="chip bad">failed</span>;
  if (fetching > 0) return <span class="chip busy">running</span>;
  if (state === "reading") return <span class="chip busy">reading</span>;
  return <span class="chip">{state === "complete" ? "ready" : state}</span>;
}
