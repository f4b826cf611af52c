// What is fetched before anybody asks: begin one, follow them, call one off.

import type { LivePreheat } from "../wire/live.ts";
import { Empty } from "./empty.tsx";
import { formatAgo, nameOf } from "./format.ts";
import { PreheatForm } from "./preheat-form.tsx";
import { CancelPreheat, PreheatChip, PreheatProgress } from "./preheat-parts.tsx";

export function PreheatsPage({ preheats }: { readonly preheats: Readonly<Record<string, LivePreheat>> }) {
  const all = Object.entries(preheats).sort(([, a], [, b]) => b.createdAtMs - a.createdAtMs);
  return (
    <>
      <h1>Preheats</h1>
      <PreheatForm />
      <section class="card" aria-label="Preheats">
        {all.length === 0 ? (
          <Empty title="No preheat yet">
            A preheat brings a file or an image to the supernode, or to hosts, before anybody asks for it.
          </Empty>
        ) : (
          <div class="scroll">
            <table class="preheats">
              <thead>
                <tr>
                  <th scope="col">Content</th>
                  <th scope="col">To</th>
                  <th scope="col">State</th>
                  <th scope="col">Progress</th>
                  <th scope="col">Begun</th>
                  <th scope="col">
                    <span class="unseen">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {all.map(([id, preheat]) => (
                  <tr key={id}>
                    <th scope="row" class="name">
                      <a href={`#/preheats/${id}`}>{nameOf(preheat.url)}</a>
                      <span class="under" title={preheat.url}>
                        {preheat.type}, {preheat.url}
                      </span>
                    </th>
                    <td>{targetName(preheat)}</td>
                    <td>
                      <PreheatChip state={preheat.state} />
                    </td>
                    <td>
                      <PreheatProgress preheat={preheat} />
                    </td>
                    <td>{formatAgo(Date.now() - preheat.createdAtMs)}</td>
                    <td class="actions">
                      <CancelPreheat id={id} preheat={preheat} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </>
  );
}

export function targetName({ to, hosts }: LivePreheat): string {
  if (to === "seeds") return "the supernode";
  return `${to === "all" ? "all hosts" : `${to} of the hosts`} (${hosts})`;
}
