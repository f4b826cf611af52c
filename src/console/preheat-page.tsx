// One preheat with each of its contents.

import { useEffect, useState } from "preact/hooks";
import type { LivePreheat } from "../wire/live.ts";
import { get } from "./api.ts";
import { Empty } from "./empty.tsx";
import { formatBytes, nameOf, shortId } from "./format.ts";
import { CancelPreheat, PreheatChip, PreheatProgress } from "./preheat-parts.tsx";
import { targetName } from "./preheats-page.tsx";

type State = LivePreheat["state"];

/** As `GET /api/v1/preheats/{id}` tells it. */
interface Child {
  readonly type?: string;
  readonly digest?: string;
  readonly url?: string;
  readonly mediaType?: string;
  readonly platform?: string;
  readonly length: number | null;
  readonly state: State;
  readonly seed: { readonly state: State; readonly bytes: number; readonly error?: { readonly message: string } };
  readonly hosts: Readonly<Record<State, number>>;
  readonly failures: readonly { readonly host: string; readonly error?: { readonly message: string } }[];
}

const askEveryMs = 1000;

export function PreheatPage({ id, live }: { readonly id: string; readonly live: LivePreheat | undefined }) {
  const [children, setChildren] = useState<readonly Child[]>();
  const [error, setError] = useState<string>();
  const state = live?.state;
  // Asked once more when it is over.
  useEffect(() => {
    const ask = (): void => {
      get<{ children: readonly Child[] }>(`api/v1/preheats/${encodeURIComponent(id)}`)
        .then((answer) => setChildren(answer.children))
        .catch((refusal: Error) => setError(refusal.message));
    };
    ask();
    if (state !== "running" && state !== "waiting") return;
    const timer = window.setInterval(ask, askEveryMs);
    return () => window.clearInterval(timer);
  }, [id, state]);
  if (live === undefined) {
    return (
      <Empty title={error ?? "The supernode does not know this preheat"}>
        Preheats are remembered until the supernode stops. <a href="#/preheats">All preheats</a>
      </Empty>
    );
  }
  return (
    <>
      <div class="heading">
        <div class="naming">
          <h1>
            {nameOf(live.url)} <PreheatChip state={live.state} />
          </h1>
          <p class="under">
            {live.type} to {targetName(live)}, {live.url}
          </p>
        </div>
        <div class="actions">
          <CancelPreheat id={id} preheat={live} />
        </div>
      </div>
      <section class="card strip" aria-label="Progress">
        <PreheatProgress preheat={live} />
      </section>
      <section class="card" aria-label="Contents">
        {children === undefined || children.length === 0 ? (
          <Empty title={children === undefined ? "Asking the supernode…" : "What belongs to it is not known yet"} />
        ) : (
          <Contents contents={children} />
        )}
      </section>
    </>
  );
}

function Contents({ contents }: { readonly contents: readonly Child[] }) {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Content</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col">Supernode</th>
            <th scope="col">Hosts</th>
          </tr>
        </thead>
        <tbody>
          {contents.map((child, nth) => (
            <tr key={nth}>
              <th scope="row" class="name">
                <span>{child.digest?.slice(0, 19) ?? nameOf(child.url ?? "content")}</span>
                <span class="under">
                  {[child.platform, child.mediaType ?? child.type].filter((part) => part).join(", ")}
                </span>
              </th>
              <td>
                <PreheatChip state={child.state} />
              </td>
              <td class="number">{child.length === null ? "unknown" : formatBytes(child.length)}</td>
              <td>{child.seed.error?.message ?? `${child.seed.state}, ${formatBytes(child.seed.bytes)}`}</td>
              <td>
                {hostsInWords(child.hosts)}
                {child.failures.slice(0, 3).map(({ host, error }) => (
                  <span class="under" key={host}>
                    {shortId(host)}: {error?.message ?? "failed"}
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function hostsInWords(counts: Child["hosts"]): string {
  const parts = (Object.entries(counts) as [State, number][]).filter(([, count]) => count > 0);
  return parts.length === 0 ? "–" : parts.map(([state, count]) => `${count} ${state}`).join(", ");
}
