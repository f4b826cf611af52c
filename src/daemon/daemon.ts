// The daemon as one object: composes the parts, owns them, and takes them down in order.

import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import { seededRandom } from "../core/random.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import { hostUploadLimits } from "../core/upload-queue.ts";
import { Registries } from "../image/registries.ts";
import { RegistryMirror } from "../image/registry-mirror.ts";
import { certifiedPeer } from "../net/credentials.ts";
import { FetchGuard } from "../net/fetch-guard.ts";
import { certificateRequest } from "../net/host-key.ts";
import { HttpDoor } from "../net/http-door.ts";
import { PieceServer, type Servable } from "../net/piece-server.ts";
import { RateGate } from "../net/rate-gate.ts";
import { SlabPool } from "../net/slab-pool.ts";
import { HttpOrigin } from "../origin/http-origin.ts";
import { authorityFolder } from "../proxy/authority.ts";
import { ForwardProxy } from "../proxy/forward-proxy.ts";
import { openInterception } from "../proxy/interception.ts";
import { isLoopback } from "../runtime/address.ts";
import type { DaemonConfig } from "../runtime/daemon-config.ts";
import { proxyEnvironment } from "../runtime/environment.ts";
import { type Log, silentLog } from "../runtime/log.ts";
import { packageVersion } from "../runtime/package-version.ts";
import { noTracer, type Tracer } from "../runtime/tracing.ts";
import { DiskStore } from "../store/disk-store.ts";
import type { Holding } from "../store/store.ts";
import type { FromDaemonOf } from "../wire/control.ts";
import { Acquaintances } from "./acquaintances.ts";
import { clusterTokens } from "./cluster-tokens.ts";
import { DigestContents } from "./digest-contents.ts";
import { loadHostId } from "./host-id.ts";
import { HostWatch } from "./host-watch.ts";
import { type ClusterIdentity, openIdentity } from "./identity.ts";
import { IdleWatch } from "./idle-watch.ts";
import { LinkPool } from "./link-pool.ts";
import { createLocalApi } from "./local-api.ts";
import { LocalSocket } from "./local-socket.ts";
import { ManifestArchive } from "./manifest-archive.ts";
import { DaemonMetrics } from "./metrics.ts";
import { type MetricsPort, openMetricsPort } from "./metrics-port.ts";
import { PiecePort } from "./piece-port.ts";
import { Preheaters } from "./preheaters.ts";
import { ProxyPort } from "./proxy-port.ts";
import { Recollection } from "./recollection.ts";
import { Renewal } from "./renewal.ts";
import { advertised, type SettledConfig, settle } from "./settled-config.ts";
import { insteadOfStandIn } from "./stand-in.ts";
import { Supernodes } from "./supernodes.ts";
import { Transfers } from "./transfers.ts";
import { UrlContents } from "./url-contents.ts";

interface Running {
  readonly piecesUrl: string;
  readonly proxyUrl: string | null;
  readonly socket: string;
  readonly idle: Promise<void>;
  readonly close: () => Promise<void>;
}

export class Daemon {
  readonly #running: Running;
  #closing: Promise<void> | undefined;

  private constructor(running: Running) {
    this.#running = running;
  }

  /** Resolves when it serves. Errors: `bad-config`, `address-in-use`, `not-writable`. */
  static async start(config: DaemonConfig, log: Log = silentLog, tracer: Tracer = noTracer): Promise<Daemon> {
    const claim = () => claimPlace(config);
    const { socket, store } = await (config.idleExitMs === 0 ? insteadOfStandIn(config.socket, claim) : claim());
    try {
      const identity = await openIdentity(config, log);
      const settled = settle(config, identity);
      warnOfPlain(settled, identity, log);
      const host = identity?.host ?? (await loadHostId(config.dataDir));
      return new Daemon(await compose(settled, { log, tracer, socket, store, host, identity }));
    } catch (error) {
      await store.close();
      await socket.release();
      throw error;
    }
  }

  /** Where other hosts fetch pieces. */
  get piecesUrl(): string {
    return this.#running.piecesUrl;
  }

  /** Null when the proxy is off. */
  get proxyUrl(): string | null {
    return this.#running.proxyUrl;
  }

  /** Path of the local API's socket. */
  get socket(): string {
    return this.#running.socket;
  }

  /** Resolves when it had nothing to do for `idleExitMs`. */
  get idle(): Promise<void> {
    return this.#running.idle;
  }

  /** Stops serving, tells the supernode, keeps every verified piece. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#running.close();
    return this.#closing;
  }
}

interface Parts {
  readonly log: Log;
  readonly tracer: Tracer;
  readonly socket: LocalSocket;
  readonly store: DiskStore;
  readonly host: HostId;
  /** Where the cluster speaks TLS. */
  readonly identity: ClusterIdentity | undefined;
}

/** What one daemon has at a time. Errors: `address-in-use`, `not-writable`. */
async function claimPlace({
  socket: path,
  dataDir,
  quotaBytes,
}: DaemonConfig): Promise<Pick<Parts, "socket" | "store">> {
  const socket = await LocalSocket.claim(path);
  try {
    return { socket, store: await DiskStore.open({ dataDir, quotaBytes }) };
  } catch (error) {
    await socket.release();
    throw error;
  }
}

function warnOfPlain({ insecure }: DaemonConfig, identity: ClusterIdentity | undefined, log: Log): void {
  if (!insecure) return;
  const what = identity === undefined ? "pieces and the proxy" : "the proxy";
  log.warn("insecure: plain HTTP, which anybody on the network can read and alter", { what });
}

async function compose(config: SettledConfig, { log, tracer, socket, store, host, identity }: Parts): Promise<Running> {
  const credentials = identity?.credentials;
  const registries = await Registries.load({ ...config, log });
  const interception = await openInterception(config.intercept, authorityFolder(config.dataDir), log);
  const slabs = new SlabPool();
  const random = seededRandom((Math.random() * 0x7fffffff) | 0);
  const watch = new IdleWatch(config.idleExitMs);
  const metrics = new DaemonMetrics({
    downloads: () => transfers.running.size,
    storeBytes: () => store.usedBytes,
    givingWay: () => (hostWatch?.active === true ? 1 : 0),
  });

  const uploadGate = new RateGate(config.uploadLimitBytesPerSecond);
  const downloadLimit = new TokenBucket(config.downloadLimitBytesPerSecond);
  let sentBytes = 0;

  const acquaintances = new Acquaintances();
  const pieces = new PieceServer({
    find: (version, requester) => {
      if (!acquaintances.has(version, requester)) {
        return new DragonflyError("not-allowed", "the supernode did not introduce this host for the version");
      }
      const holding = store.find(version);
      return holding === undefined ? new DragonflyError("not-found", "this host does not hold it") : servable(holding);
    },
    ...(credentials === undefined ? {} : { isFrom: (socket, requester) => certifiedPeer(socket)?.id === requester }),
    slabs,
    uploadLimits: hostUploadLimits,
    gate: uploadGate,
    now: () => performance.now(),
    onSent: (_version, _requester, bytes) => {
      metrics.uploadBytes.inc(bytes);
      sentBytes += bytes;
      watch.touch();
    },
  });
  const piecePort = await PiecePort.open(config.listen, pieces, credentials);

  const links = new LinkPool(host, slabs, credentials);
  const archive = new ManifestArchive(config.dataDir, log);
  archive.sweep((version) => store.find(version) !== undefined);
  const supernodes = new Supernodes({
    urls: config.supernodes,
    credentials,
    host,
    software: `dragonfly-p2p/${packageVersion}`,
    log,
    introduce: () => ({
      address: advertised(config, piecePort.bound),
      labels: {},
      limits: { download: config.downloadLimitBytesPerSecond, upload: config.uploadLimitBytesPerSecond },
      holdings: Array.from(store.all(), offerOf),
    }),
    onNews: (heard, supernode) => {
      for (const news of acquaintances.hear(heard, pieces)) {
        if (news.type === "recall") void recollection.tell(news.version, supernode.host);
        else if (news.type === "serve" || news.type === "serve-cancelled") preheaters.hear(news, supernode.host);
        else transfers.hear(news, supernode);
      }
    },
    onIntroduced: (version, neighbours) => acquaintances.introduce(version, neighbours),
    onUp: (supernode) => {
      transfers.supernodeBack(supernode);
      renewal?.supernodeBack();
    },
    onSettled: (supernode) => transfers.supernodeSettled(supernode),
    onDown: (supernode) => {
      preheaters.supernodeLost(supernode.host);
      transfers.supernodeLost(supernode);
    },
  });
  const guard = new FetchGuard({
    rules: config.fetchRules,
    loopback: config.proxy === null || isLoopback(config.proxy.host),
  });
  const door = new HttpDoor({ environment: proxyEnvironment(), pseudonym: "dragonfly", guard });
  const origin = new HttpOrigin({ door });
  const transfers = new Transfers({
    host,
    supernodes,
    store,
    archive,
    origin,
    links,
    slabs,
    limit: downloadLimit,
    random,
    log,
  });
  const hostWatch = !config.giveWay
    ? undefined
    : new HostWatch({
        ...config,
        own: () => ({ sentBytes, receivedBytes: transfers.running.receivedBytes }),
        uploads: uploadGate,
        downloads: downloadLimit,
        tell: (load) => supernodes.tell(load),
        log,
      });
  const recollection = new Recollection({ supernodes, store, archive, transfers });
  store.spareLastCopies((versions) => supernodes.lastCopies(versions));
  const unhear = store.onEvicted((version, rest) => {
    pieces.withdraw(version);
    acquaintances.forget(version);
    supernodes.tell({ type: "leave", version });
    void rest.then((holding) => {
      if (holding === undefined) return archive.remove(version);
      log.warn("altered by another program, what is right of it is kept", { version, pieces: holding.held.count });
      supernodes.tell({ type: "holdings", holdings: [offerOf(holding)] });
    });
  });
  let ready = true;
  const api = createLocalApi({
    transfers,
    store,
    supernodes: config.supernodes,
    metrics,
    ready: () => ready,
    busy: () => watch.busy(),
    giveWay: config.idleExitMs === 0 ? undefined : () => watch.end(),
    tracer,
  });
  await api.ready();
  const content = new DigestContents({ transfers, store });
  const preheaters = new Preheaters({
    transfers,
    store,
    quotaBytes: config.quotaBytes,
    send: (message, supernode) => supernodes.send(message, supernode),
    busy: () => watch.busy(),
    log,
  });
  const tokens = clusterTokens(supernodes, door);
  const mirror = new RegistryMirror({ content, door, registries, tokens, log });
  const contents = new UrlContents(transfers);
  const forward = new ForwardProxy({
    ...{ door, guard, mirror, contents, rules: config.proxyRules, interception, log },
    onWay: (way) => metrics.proxyRequests.inc({ way }),
  });
  let proxy: ProxyPort | undefined;
  let metricsPort: MetricsPort | undefined;
  try {
    if (config.metrics !== null) metricsPort = await openMetricsPort(config.metrics, { metrics, ready: () => ready });
    await socket.listen(api.server);
    if (config.proxy !== null)
      proxy = await ProxyPort.open(config.proxy, { mirror, forward, interception, busy: () => watch.busy() });
  } catch (error) {
    await metricsPort?.close();
    piecePort.close();
    api.server.close();
    throw error;
  }
  supernodes.start();
  // An engine's request goes to the registry first; without a proxy a daemon may never need it.
  if (proxy !== undefined) door.prepare();
  const renewal =
    identity &&
    new Renewal({
      times: () => identity.credentials.times,
      renew: async (signal) => {
        const csr = await certificateRequest(identity.credentials.identity.key);
        await supernodes.renew(csr, (issued) => identity.renew(issued), signal);
      },
      log,
    });
  const piecesUrl = piecePort.url;
  log.info("daemon serving", {
    pieces: piecesUrl,
    proxy: proxy?.url ?? "off",
    metrics: metricsPort?.url ?? "off",
    socket: config.socket,
    host,
    version: packageVersion,
  });

  return {
    piecesUrl,
    proxyUrl: proxy?.url ?? null,
    socket: config.socket,
    idle: watch.idle,
    close: async () => {
      ready = false;
      watch.close();
      hostWatch?.close();
      renewal?.close();
      unhear();
      proxy?.close();
      await metricsPort?.close();
      preheaters.close();
      tokens.close();
      await transfers.close();
      supernodes.close();
      await archive.close();
      await links.close();
      await pieces.close();
      piecePort.close();
      api.server.closeIdleConnections();
      api.server.close();
      await api.close();
      await origin.close();
      await door.close();
      await store.close();
      await socket.release();
    },
  };
}

function servable(holding: Holding): Servable {
  return {
    version: holding.version,
    held: holding.held,
    complete: holding.state === "complete",
    read: (piece, into) => holding.read(piece, into),
    onGained: (listener) => holding.onGained(listener),
  };
}

/** As supernodes are told of it. */
function offerOf({ version, state }: Holding): FromDaemonOf<"holdings">["holdings"][number] {
  return { task: version.taskId, version: version.id, complete: state === "complete" };
}
