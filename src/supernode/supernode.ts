// The supernode as one object: composes the parts, owns them, and takes them down in order.

import type { Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Duplex } from "node:stream";
import type { FastifyInstance, FastifyServerFactory } from "fastify";
import { DragonflyError } from "../core/error.ts";
import { seededRandom } from "../core/random.ts";
import { seedUploadLimits } from "../core/upload-queue.ts";
import { openImages } from "../image/image-access.ts";
import { Registries } from "../image/registries.ts";
import { TokenCache } from "../image/token-cache.ts";
import { TokenClient } from "../image/token-client.ts";
import { ControlListener, controlPath } from "../net/control-channel.ts";
import { certifiedPeer } from "../net/credentials.ts";
import { FetchGuard } from "../net/fetch-guard.ts";
import { HttpDoor } from "../net/http-door.ts";
import { httpLimits } from "../net/http-limits.ts";
import { listen } from "../net/listen.ts";
import { PieceServer } from "../net/piece-server.ts";
import { linkPath } from "../net/piece-upgrade.ts";
import { RateGate } from "../net/rate-gate.ts";
import { SlabPool } from "../net/slab-pool.ts";
import { HttpOrigin } from "../origin/http-origin.ts";
import { formatAddress, isLoopback } from "../runtime/address.ts";
import { proxyEnvironment } from "../runtime/environment.ts";
import { type Log, silentLog } from "../runtime/log.ts";
import { packageVersion } from "../runtime/package-version.ts";
import type { SupernodeConfig } from "../runtime/supernode-config.ts";
import { noTracer, type Tracer } from "../runtime/tracing.ts";
import { DiskStore } from "../store/disk-store.ts";
import { createApi } from "./api.ts";
import { Cluster } from "./cluster.ts";
import { loadClusterKey } from "./cluster-key.ts";
import { Gate } from "./gate.ts";
import { LiveEvents } from "./live-events.ts";
import { SupernodeMetrics } from "./metrics.ts";
import { preheatRetry } from "./preheat-part.ts";
import { Preheats } from "./preheats.ts";
import { advertisedAt, namesOf, reachedAt, tellAddresses } from "./reached-at.ts";
import { Seed } from "./seed.ts";
import { SeedBook } from "./seed-book.ts";
import { SeedContents } from "./seed-contents.ts";

export class Supernode {
  /** `http://host:port`, with the real port. */
  readonly url: string;
  /** All that is served on its port, as `METHOD /path/:parameter`. */
  readonly routes: readonly string[];
  readonly #close: () => Promise<void>;
  #closing: Promise<void> | undefined;

  private constructor(serving: Serving, close: () => Promise<void>) {
    this.url = serving.url;
    this.routes = serving.routes;
    this.#close = close;
  }

  /** Resolves when it serves. Errors: `bad-config`, `address-in-use`, `not-writable`. */
  static async start(config: SupernodeConfig, log: Log = silentLog, tracer: Tracer = noTracer): Promise<Supernode> {
    const key = await loadClusterKey(config.dataDir);
    const store = await DiskStore.open({ dataDir: config.dataDir, quotaBytes: config.quotaBytes });
    try {
      return await compose(config, { log, tracer, key, store }, (serving, close) => new Supernode(serving, close));
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Stops serving, tells the daemons, and gives everything free. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }
}

interface Serving {
  readonly url: string;
  readonly routes: readonly string[];
}

interface Parts {
  readonly log: Log;
  readonly tracer: Tracer;
  readonly key: Awaited<ReturnType<typeof loadClusterKey>>;
  readonly store: DiskStore;
}

async function compose(
  config: SupernodeConfig,
  { log, tracer, key, store }: Parts,
  make: (serving: Serving, close: () => Promise<void>) => Supernode,
): Promise<Supernode> {
  if (config.insecure)
    log.warn("insecure: plain HTTP, which anybody on the network can read and alter", {
      listen: formatAddress(config.listen),
    });
  const secure = !config.insecure && !isLoopback(config.listen.host);
  const gate = secure
    ? await Gate.open({
        ...config,
        host: key.host,
        reachedAs: namesOf(config),
        log,
        onShutOut: (host) => {
          cluster.channels.expel(host);
          pieces.expel(host);
        },
      })
    : undefined;
  const registries = await Registries.load({ registries: config.registries, log });
  const slabs = new SlabPool();
  const random = seededRandom((Math.random() * 0x7fffffff) | 0);
  const guard = new FetchGuard({ rules: config.fetchRules, loopback: isLoopback(config.listen.host) });
  const door = new HttpDoor({ environment: proxyEnvironment(), pseudonym: "dragonfly", guard });
  const origin = new HttpOrigin({ door });
  const tokenClient = new TokenClient(door);
  const tokens = new TokenCache({ fetch: (request, { signal }) => tokenClient.fetch(request, signal) });
  const originGate = new RateGate(config.originLimitBytesPerSecond);
  const metrics = new SupernodeMetrics({
    hosts: () => cluster.scheduler.hosts.size,
    isolatedHosts: () => [...cluster.scheduler.hosts.values()].filter(({ strikes }) => strikes.isolated).length,
    isolatedOrigins: () => seeds.origins.filter(({ standing }) => standing === "isolated").length,
    tasks: () => [...cluster.scheduler.tasks].length,
    storeBytes: () => store.usedBytes,
  });
  const seeds = new SeedBook({
    origin,
    store,
    log,
    tracer,
    makeSeed: (holding) =>
      new Seed({
        holding,
        store,
        key,
        random,
        slabs,
        origin,
        gate: originGate,
        appetite: () => cluster.appetite(holding.version.id),
        onUnwanted: () => cluster.leases.end(holding.version.id),
        onManifest: (part) => cluster.tellManifest(holding.version.id, part),
        onOriginBytes: (bytes) => {
          metrics.originBytes.inc(bytes);
          cluster.traffic.read(bytes, performance.now());
        },
        onReadFailed: (error) =>
          log.warn("pieces not read again", { version: holding.version.id, error: error.message }),
      }),
  });
  const software = `dragonfly-p2p/${packageVersion}`;
  const cluster = new Cluster({
    key,
    software,
    address: () => advertisedAt(config, port),
    seeds,
    tokens,
    freshnessMs: config.freshnessMs,
    random,
    metrics,
    log,
    renew: gate && ((host, request) => gate.renew(host, request)),
  });
  store.spareLastCopies(async (versions) => {
    return new Set(versions.flatMap(({ id }) => (cluster.isHeldBeside(id, undefined) ? [] : id)));
  });
  const pieces = new PieceServer({
    find: (version, requester) => {
      if (!cluster.admits(requester, version)) {
        return new DragonflyError("not-allowed", "this host was not admitted to the version");
      }
      return seeds.find(version) ?? new DragonflyError("not-found", "the supernode does not seed this version");
    },
    ...(gate === undefined ? {} : { isFrom: (socket, requester) => certifiedPeer(socket)?.id === requester }),
    slabs,
    uploadLimits: seedUploadLimits,
    gate: new RateGate(config.uploadLimitBytesPerSecond),
    now: () => performance.now(),
    onSent: (_version, _requester, bytes) => metrics.uploadBytes.inc(bytes),
  });
  const preheats = new Preheats({
    log,
    world: {
      seeds: new SeedContents(cluster.leases),
      orders: cluster.orders,
      candidates: () => [...cluster.scheduler.hosts.values()].filter(({ strikes }) => !strikes.isolated),
      openImage: openImages({ door, tokens, registries, log }),
      retry: preheatRetry,
    },
  });
  let ready = true;
  let { port } = config.listen;
  const limits = { upload: config.uploadLimitBytesPerSecond, origin: config.originLimitBytesPerSecond };
  const live = new LiveEvents({
    ...{ id: key.host, software, startedAtMs: Date.now(), uploadLimit: config.uploadLimitBytesPerSecond },
    ...{ cluster, seeds, preheats },
  });
  const api = createApi(
    { cluster, seeds, preheats, live, limits, metrics, ready: () => ready, gate },
    gate && secureServer(gate),
  );
  await api.ready();
  route(api, { cluster, pieces, gate });
  const bound = await listen(api.server, config.listen);
  port = bound.port;
  const url = `${secure ? "https" : "http"}://${formatAddress(bound)}`;
  if (secure) await tellAddresses(config.dataDir, reachedAt(config, bound.port));
  log.info("supernode serving", { url, version: packageVersion });
  door.prepare();

  const routes = [...api.routes, `GET ${controlPath}`, `GET ${linkPath}`];
  return make({ url, routes }, async () => {
    ready = false;
    live.close();
    preheats.close();
    seeds.close();
    tokens.close();
    cluster.close();
    gate?.close();
    await pieces.close();
    api.server.closeAllConnections();
    api.server.close();
    await api.close();
    await origin.close();
    await door.close();
    await store.close();
  });
}

function secureServer(gate: Gate): FastifyServerFactory {
  return (handler) => {
    const server = createSecureServer({ ...httpLimits, ...gate.credentials.serverOptions("may") }, handler);
    gate.credentials.keep(server);
    return server;
  };
}

interface Doors {
  readonly cluster: Cluster;
  readonly pieces: PieceServer;
  readonly gate: Gate | undefined;
}

/** One port: the API, the control channel and the peer link are told apart by path. */
function route(api: FastifyInstance, { cluster, pieces, gate }: Doors): void {
  const control = new ControlListener();
  const server: Server = api.server;
  server.on("upgrade", (request, socket, head) => {
    const path = request.url?.split("?", 1)[0];
    if (path !== controlPath && path !== linkPath) return refuse(socket, "404 Not Found");
    try {
      const host = gate?.host(request);
      if (path === linkPath) return pieces.attach(request, socket, head);
      const remote = request.socket.remoteAddress ?? "";
      control.accept(request, socket, head, (accepted) => cluster.channels.accept(accepted, remote, host));
    } catch (error) {
      refuse(socket, error instanceof DragonflyError ? "401 Unauthorized" : "500 Internal Server Error");
    }
  });
}

function refuse(socket: Duplex, status: string): void {
  socket.on("error", () => {});
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
