// Why a task was as fast as it was, host by host, in the supernode's words.

import { useEffect, useState } from "preact/hooks";
import { get, type Refusal } from "./api.ts";
import { Empty } from "./empty.tsx";
import { formatLeft, formatRate, nameOf, shortId } from "./format.ts";
import { SourceBar, SourceLegend, type Sources } from "./source-bar.tsx";

/** As far as this page reads `GET /api/v1/tasks/{id}/explain`. */
interface Explanation {
  readonly url: string;
  /** How many hosts each cause held back. */
  readonly causes: Readonly<Record<string, number>>;
  readonly hosts: readonly HostExplanation[];
}

interface HostExplanation {
  readonly host: string;
  readonly state: string;
  readonly elapsedMs: number | null;
  readonly bytesBySource: Sources;
  readonly bestBytesPerSecond: number | null;
  readonly cause: string;
  readonly bound: { readonly seconds: number; readonly times: number } | null;
  readonly words: readonly string[];
}

export function ExplainPage({ id }: { readonly id: string }) {
  const [answer, setAnswer] = useState<Explanation>();
  const [refusal, setRefusal] = useState<Refusal>();
  useEffect(() => {
    get<Explanation>(`api/v1/tasks/${encodeURIComponent(id)}/explain`).then(setAnswer, setRefusal);
  }, [id]);
  return (
    <>
      <div class="heading">
        <div class="naming">
          <h1>Why it was as fast as it was</h1>
          <p class="under">{answer === undefined ? `task ${shortId(id)}` : nameOf(answer.url)}</p>
        </div>
        <a class="button" href={`#/tasks/${id}`}>
          Back to the task
        </a>
      </div>
      {refusal !== undefined && <Empty title="There is no explanation">{refusal.message}</Empty>}
      {refusal === undefined && answer === undefined && <Empty title="Asking the supernode…" />}
      {answer !== undefined && <Hosts answer={answer} />}
    </>
  );
}

function Hosts({ answer: { causes, hosts } }: { readonly answer: Explanation }) {
  if (hosts.length === 0) {
    return <Empty title="No host has told anything yet">Hosts tell what held them back while they fetch.</Empty>;
  }
  const most = Object.entries(causes).sort(([, a], [, b]) => b - a);
  return (
    <section class="card" aria-label="Hosts">
      <p class="causes">
        {most.map(([cause, count]) => (
          <span key={cause} class="chip">
            {cause}: {count} {count === 1 ? "host" : "hosts"}
          </span>
        ))}
      </p>
      <SourceLegend />
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Host</th>
              <th scope="col">Held back by</th>
              <th scope="col">In words</th>
              <th scope="col">Received from</th>
              <th scope="col" class="number">
                Took
              </th>
              <th scope="col" class="number">
                Best rate
              </th>
              <th scope="col" class="number">
                Of the bound
              </th>
            </tr>
          </thead>
          <tbody>
            {hosts.map((host) => (
              <Line key={host.host} explained={host} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Line({ explained }: { readonly explained: HostExplanation }) {
  const { host, state, elapsedMs, bytesBySource, bestBytesPerSecond, cause, bound, words } = explained;
  return (
    <tr>
      <th scope="row">
        {host.slice(0, 12)}
        <span class="under">{state}</span>
      </th>
      <td>
        <span class="chip busy">{cause}</span>
      </td>
      <td class="words">{words.join(" ")}</td>
      <td>
        <SourceBar bytes={bytesBySource} />
      </td>
      <td class="number">{elapsedMs === null ? "–" : formatLeft(elapsedMs)}</td>
      <td class="number">{bestBytesPerSecond === null ? "–" : formatRate(bestBytesPerSecond)}</td>
      <td class="number">{bound === null ? "–" : `${bound.times.toFixed(2)}×`}</td>
    </tr>
  );
}
