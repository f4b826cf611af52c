// All tasks that the supernode keeps, to look through.

import { useState } from "preact/hooks";
import type { LiveCluster } from "../wire/live.ts";
import { Empty } from "./empty.tsx";
import { TaskTable } from "./task-table.tsx";

export function TasksPage({ cluster: { tasks, taskCount } }: { readonly cluster: LiveCluster }) {
  const [filter, setFilter] = useState("");
  const all = Object.entries(tasks);
  const wanted = filter.trim().toLowerCase();
  const shown = all.filter(([id, { url }]) => url.toLowerCase().includes(wanted) || id.startsWith(wanted));
  return (
    <>
      <div class="heading">
        <h1>Tasks</h1>
        <input
          type="search"
          aria-label="Only tasks whose URL has"
          placeholder="Only with…"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </div>
      <section class="card" aria-label="Tasks">
        {all.length === 0 && (
          <Empty title="No task yet">
            On a host with a daemon, <code>dfget URL</code> makes the first one. To have something ready before it is
            asked for, <a href="#/preheats">preheat it</a>.
          </Empty>
        )}
        {all.length > 0 && shown.length === 0 && <Empty title={`No task's URL has “${filter}”`} />}
        {shown.length > 0 && <TaskTable tasks={shown} />}
      </section>
      {taskCount > all.length && (
        <p class="muted">
          {all.length} of {taskCount} are shown, the running ones first. <code>dragonfly tasks</code> lists all.
        </p>
      )}
    </>
  );
}
