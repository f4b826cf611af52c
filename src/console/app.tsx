// The frame around every page: where one can go, whether what is shown is live, and what stands in the way.

import { useEffect, useRef } from "preact/hooks";
import { Empty } from "./empty.tsx";
import { ExplainPage } from "./explain-page.tsx";
import { formatClock } from "./format.ts";
import { live, useLive, useRoute, useTokenWanted } from "./hooks.ts";
import { HostsPage } from "./hosts-page.tsx";
import type { LiveView } from "./live-client.ts";
import { OverviewPage } from "./overview-page.tsx";
import { PreheatPage } from "./preheat-page.tsx";
import { PreheatsPage } from "./preheats-page.tsx";
import { queryOf, type Route } from "./route.ts";
import { TaskPage } from "./task-page.tsx";
import { TasksPage } from "./tasks-page.tsx";
import { TokenPrompt } from "./token-prompt.tsx";

const places = [
  { href: "#/", name: "Overview", pages: ["overview"] },
  { href: "#/tasks", name: "Tasks", pages: ["tasks", "task", "explain"] },
  { href: "#/hosts", name: "Hosts", pages: ["hosts"] },
  { href: "#/preheats", name: "Preheats", pages: ["preheats", "preheat"] },
] as const;

export function App() {
  const route = useRoute();
  const view = useLive();
  const query = queryOf(route);
  const main = useRef<HTMLElement>(null);
  useEffect(() => live.follow(query), [query]);
  const { page } = route;
  const address = JSON.stringify(route);
  const shown = useRef(address);
  useEffect(() => {
    if (shown.current === address) return;
    shown.current = address;
    window.scrollTo(0, 0);
    // What was clicked may be gone: whoever uses the keyboard goes on from the page's beginning.
    if (document.activeElement === document.body) main.current?.focus({ preventScroll: true });
  }, [address]);
  const place = places.find(({ pages }) => (pages as readonly string[]).includes(page));
  useEffect(() => {
    document.title = place === undefined ? "Dragonfly" : `${place.name} · Dragonfly`;
  }, [place]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <div class="wide">
          <a class="brand" href="#/">
            <img src="console/icon.svg" alt="" width="24" height="24" />
            Dragonfly
          </a>
          <nav aria-label="Pages">
            {places.map(({ href, name }) => (
              <a key={href} href={href} aria-current={place?.href === href ? "page" : undefined}>
                {name}
              </a>
            ))}
          </nav>
          <Status view={view} />
        </div>
      </header>
      <Notices view={view} />
      <main id="main" class="wide" ref={main} tabIndex={-1}>
        <Page route={route} view={view} />
      </main>
      <footer class="wide">
        <span>{view.cluster?.supernode.software ?? "Dragonfly"}</span>
        {view.cluster && <span>supernode {view.cluster.supernode.id.slice(0, 12)}</span>}
      </footer>
      <TokenPrompt open={useTokenWanted()} />
    </>
  );
}

function Page({ route, view }: { readonly route: Route; readonly view: LiveView }) {
  const { cluster } = view;
  if (route.page === "unknown") {
    return (
      <Empty title="There is no such page">
        <a href="#/">Go to the overview</a>
      </Empty>
    );
  }
  if (cluster === undefined) return <Waiting view={view} />;
  switch (route.page) {
    case "overview":
      return <OverviewPage cluster={cluster} history={view.history} />;
    case "tasks":
      return <TasksPage cluster={cluster} />;
    case "task":
      return <TaskPage key={route.id} id={route.id} task={view.task} />;
    case "explain":
      return <ExplainPage key={route.id} id={route.id} />;
    case "hosts":
      return <HostsPage hosts={view.hosts} />;
    case "preheats":
      return <PreheatsPage preheats={cluster.preheats} />;
    case "preheat":
      return <PreheatPage key={route.id} id={route.id} live={cluster.preheats[route.id]} />;
  }
}

function Waiting({ view }: { readonly view: LiveView }) {
  if (view.connection.state !== "lost") return <Empty title="Asking the supernode…" />;
  return <Empty title="The supernode cannot be followed">{view.connection.why}. Trying again…</Empty>;
}

function Status({ view: { connection } }: { readonly view: LiveView }) {
  const text = { connecting: "Connecting", live: "Live", lost: "Not connected" }[connection.state];
  return (
    <span class={`status ${connection.state}`} role="status">
      {text}
    </span>
  );
}

function Notices({ view: { connection, cluster, restartedAtMs } }: { readonly view: LiveView }) {
  if (connection.state === "lost" && cluster !== undefined) {
    return (
      <p class="notice bad" role="alert">
        The supernode cannot be followed: {connection.why}. What you see is of {formatClock(connection.sinceMs)}. Trying
        again…
      </p>
    );
  }
  if (restartedAtMs === undefined) return null;
  return (
    <p class="notice" role="status">
      The supernode was restarted at {formatClock(restartedAtMs)}. Its counts begin anew; hosts tell it what they hold.
      <button type="button" class="quiet" onClick={() => live.dismissRestart()}>
        Dismiss
      </button>
    </p>
  );
}
