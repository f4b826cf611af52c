// The supernode's HTTP API: what it knows of tasks and hosts, health and metrics.

import fastify, { type FastifyInstance, type FastifyServerFactory } from "fastify";
import { DragonflyError } from "../core/error.ts";
import type { HostId, TaskId, VersionId } from "../core/ids.ts";
import { type Access, defaultAccess } from "../core/role.ts";
import type { Peer, Swarm } from "../core/swarm.ts";
import { countPieces } from "../core/version.ts";
import { serveHealth, type Watched } from "../net/health.ts";
import { fastifyLimits } from "../net/http-limits.ts";
import { useProblems } from "../net/problem.ts";
import { packageVersion } from "../runtime/package-version.ts";
import { pageOf, parseQuery } from "../wire/api-route.ts";
import type { HostAnswer, PeerAnswer, TaskAnswer } from "../wire/api-schema.ts";
import { openApiOf } from "../wire/openapi.ts";
import { explainQuery, hostsQuery, peersQuery, supernodeRoutes, tasksQuery } from "./api-routes.ts";
import type { Cluster } from "./cluster.ts";
import { serveConsole } from "./console-files.ts";
import type { Gate } from "./gate.ts";
import { serveEvents } from "./live-api.ts";
import type { LiveEvents } from "./live-events.ts";
import { servePreheats } from "./preheat-api.ts";
import type { Preheats } from "./preheats.ts";
import type { Seed } from "./seed.ts";
import type { SeedBook } from "./seed-book.ts";
import { explainTask, type SupernodeLimits } from "./task-explanation.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** `METHOD /path/:parameter` each. */
    readonly routes: readonly string[];
  }
  interface FastifyContextConfig {
    /** What a route asks of its callers, where it is not what `defaultAccess` says. */
    access?: Access;
  }
}

export interface ApiOptions extends Watched {
  readonly cluster: Cluster;
  readonly seeds: SeedBook;
  readonly preheats: Preheats;
  readonly live: LiveEvents;
  readonly limits: SupernodeLimits;
  /** Absent where everybody who reaches the API may use it. */
  readonly gate?: Gate | undefined;
}

const apiTitle = {
  title: "Dragonfly supernode",
  version: packageVersion,
  description: "Tasks, hosts and preheats of a cluster. Errors are problem details (RFC 9457) with a code.",
};

/** What keeps a cluster going without taking anything away from it. */
const operate = { config: { access: "operate" } } as const;

/** `serverFactory` makes the server where it is not to be one for plain HTTP. */
export function createApi(options: ApiOptions, serverFactory?: FastifyServerFactory): FastifyInstance {
  const { cluster, seeds, gate } = options;
  const app = fastify({
    logger: false,
    ...fastifyLimits,
    bodyLimit: 1 << 20,
    ...(serverFactory === undefined ? {} : { serverFactory }),
  });
  const routes: string[] = [];
  app.decorate("routes", routes);
  app.addHook("onRoute", ({ method, url }) => void routes.push(...[method].flat().map((one) => `${one} ${url}`)));
  useProblems(app);
  if (gate !== undefined) {
    app.addHook("onRequest", ({ raw, method, routeOptions }) =>
      gate.caller(raw, routeOptions.config.access ?? defaultAccess(method)),
    );
    app.post<{ Body: unknown }>("/v1/join", { config: { access: "join" } }, ({ raw, body }) =>
      gate.join(raw, requestIn(body)),
    );
  }

  serveHealth(app, options);
  serveConsole(app);
  servePreheats(app, options.preheats);
  serveEvents(app, options.live);

  const document = openApiOf(apiTitle, supernodeRoutes);
  app.get("/api/v1/openapi.json", async () => document);

  app.get("/api/v1/tasks", async (request) => {
    const query = parseQuery(tasksQuery, request.query);
    const { state, url = "" } = query;
    const wanted = [...seeds.seeds].filter(
      (seed) => (state === undefined || seed.state === state) && seed.version.url.includes(url),
    );
    const { items, next } = pageOf(wanted, ({ version }) => version.id, query);
    return { tasks: items.map((seed) => describeTask(seed, cluster.scheduler.swarms.get(seed.version.id))), next };
  });
  app.get<{ Params: { id: string } }>("/api/v1/tasks/:id", async (request) => {
    const seed = seedOf(seeds, cluster, request.params.id);
    return describeTask(seed, cluster.scheduler.swarms.get(seed.version.id));
  });
  app.get<{ Params: { id: string } }>("/api/v1/tasks/:id/peers", async (request) => {
    const seed = seedOf(seeds, cluster, request.params.id);
    const query = parseQuery(peersQuery, request.query);
    const peers = cluster.scheduler.swarms.get(seed.version.id)?.peers ?? [];
    const wanted = peers.filter(({ state }) => query.state === undefined || state === query.state);
    const { items, next } = pageOf(wanted, ({ host }) => host.id, query);
    return { peers: items.map(describePeer), next };
  });
  app.get<{ Params: { id: string } }>("/api/v1/tasks/:id/explain", async (request) => {
    const seed = seedOf(seeds, cluster, request.params.id);
    const { limit } = parseQuery(explainQuery, request.query);
    const { hosts, swarms } = cluster.scheduler;
    return explainTask(seed, swarms.get(seed.version.id), { hosts, limits: options.limits }, limit);
  });
  app.delete<{ Params: { id: string } }>("/api/v1/tasks/:id", async (request, reply) => {
    const seed = seedOf(seeds, cluster, request.params.id);
    await seeds.remove(seed.version.taskId);
    cluster.dispatch({ type: "forget", task: seed.version.taskId });
    return reply.code(204).send();
  });

  app.get("/api/v1/hosts", async (request) => {
    const query = parseQuery(hostsQuery, request.query);
    const { standing, version } = query;
    const wanted = [...cluster.scheduler.hosts.values()].filter(
      ({ strikes, peers }) =>
        (standing === undefined || strikes.isolation.state === standing) &&
        (version === undefined || peers.has(version as VersionId)),
    );
    const { items, next } = pageOf(wanted, ({ id }) => id, query);
    return { hosts: items.map(({ id }) => hostOf(cluster, id)), next };
  });
  app.post<{ Params: { id: string } }>("/api/v1/hosts/:id/isolate", operate, async (request) => {
    const id = request.params.id as HostId;
    hostOf(cluster, id);
    cluster.dispatch({ type: "strike", host: id, by: undefined, version: undefined, reason: "operator" });
    return hostOf(cluster, id);
  });
  app.post<{ Params: { id: string } }>("/api/v1/hosts/:id/release", operate, async (request) => {
    const id = request.params.id as HostId;
    hostOf(cluster, id);
    cluster.dispatch({ type: "release", host: id });
    return hostOf(cluster, id);
  });
  app.get("/api/v1/origins", async () => ({
    origins: seeds.origins.map(({ origin, standing, untilMs, error }) => ({
      origin,
      standing,
      until: untilMs === Number.POSITIVE_INFINITY ? null : wallClock(untilMs),
      error,
    })),
  }));
  return app;
}

function requestIn(body: unknown): string {
  const request = (body as { request?: unknown } | null)?.request;
  if (typeof request === "string") return request;
  throw new DragonflyError("bad-usage", 'the body is {"request": a certificate request in PEM}');
}

function seedOf(seeds: SeedBook, cluster: Cluster, id: string): Seed {
  const version = cluster.scheduler.currentVersion(id as TaskId);
  const seed = (version === undefined ? undefined : seeds.find(version)) ?? seeds.find(id as VersionId);
  if (seed === undefined) throw new DragonflyError("not-found", `there is no task ${id.slice(0, 64)}`);
  return seed;
}

function describeTask(seed: Seed, swarm: Swarm | undefined): TaskAnswer {
  const { id, taskId, url, length, pieceLength } = seed.version;
  const bytesBySource = { peers: 0, supernode: 0, origin: seed.originBytes };
  let complete = 0;
  for (const peer of swarm?.peers ?? []) {
    bytesBySource.peers += peer.from.peers;
    bytesBySource.supernode += peer.from.supernode;
    bytesBySource.origin += peer.from.origin;
    if (peer.state === "complete") complete++;
  }
  return {
    id: taskId,
    version: id,
    url,
    state: seed.state,
    length,
    pieceLength,
    pieces: length === null ? null : countPieces(length, pieceLength),
    heldPieces: seed.held.count,
    digest: seed.holding.digest === undefined ? null : `sha256:${seed.holding.digest}`,
    peers: { fetching: (swarm?.peers.length ?? 0) - complete, complete },
    bytesBySource,
  };
}

function describePeer(peer: Peer): PeerAnswer {
  return {
    host: peer.host.id,
    address: peer.host.address,
    state: peer.state,
    heldPieces: peer.heldPieces,
    bytesBySource: peer.from,
    neighbours: peer.neighbours.map((neighbour) => neighbour.host.id),
  };
}

function hostOf(cluster: Cluster, id: HostId): HostAnswer {
  const host = cluster.scheduler.hosts.get(id);
  if (host === undefined) throw new DragonflyError("not-found", `there is no host ${id.slice(0, 32)}`);
  const { list, isolated, isolation } = host.strikes;
  return {
    id: host.id,
    address: host.address,
    labels: host.labels,
    limits: host.limits ?? null,
    tasks: host.peers.size,
    strikes: list.map(({ reason, by, version, piece, atMs }) => ({
      reason,
      by: by ?? null,
      version: version ?? null,
      piece: piece ?? null,
      at: wallClock(atMs),
    })),
    load: host.load ?? null,
    isolated,
    standing: isolation.state,
    until: isolation.untilMs === Number.POSITIVE_INFINITY ? null : wallClock(isolation.untilMs),
  };
}

/** Of a time on the process's own clock. */
function wallClock(atMs: number): string {
  return new Date(Date.now() + atMs - performance.now()).toISOString();
}
