// The scheduler's shell: turns the daemons' messages into its events and its effects into messages. It decides nothing.

import { DragonflyError } from "../core/error.ts";
import { freshForMs } from "../core/freshness.ts";
import type { HostId, PieceIndex, TaskId, VersionId } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import { readAheadTuning } from "../core/read-ahead.ts";
import { Scheduler } from "../core/scheduler.ts";
import type { SchedulerEffect, SchedulerEvent } from "../core/scheduler-event.ts";
import { Traffic } from "../core/traffic.ts";
import { minPieceLength } from "../core/version.ts";
import type { TokenSource } from "../image/token-cache.ts";
import type { Log } from "../runtime/log.ts";
import { controlProtocol, type FromDaemonOf, type FromSupernode, type FromSupernodeOf } from "../wire/control.ts";
import type { ManifestPart } from "../wire/manifest.ts";
import { publicUrl } from "../wire/public-url.ts";
import { type TaskKey, type TaskRequest, taskKey } from "../wire/task-key.ts";
import type { Certificate } from "./cluster-authority.ts";
import type { ClusterKey } from "./cluster-key.ts";
import { dialAddress } from "./dial-address.ts";
import type { Errand } from "./errands.ts";
import { type FromHost, type HostChannel, HostChannels } from "./host-channels.ts";
import { HostOrders } from "./host-orders.ts";
import { addressesOf } from "./introductions.ts";
import type { SupernodeMetrics } from "./metrics.ts";
import type { Appetite, AskersOwn } from "./seed.ts";
import type { SeedBook } from "./seed-book.ts";
import { SeedLeases } from "./seed-leases.ts";
import { Takeovers } from "./takeovers.ts";
import { Watches } from "./watches.ts";

type Fault = Pick<FromDaemonOf<"piece-failed">, "reason" | "version"> & {
  readonly host: HostId;
  readonly by: HostId;
  readonly piece?: PieceIndex;
};

export interface ClusterOptions {
  readonly key: ClusterKey;
  readonly software: string;
  /** What daemons are told to dial for pieces; null: what they dialled for control. */
  readonly address: () => string | null;
  readonly seeds: SeedBook;
  /** Of registries, for all daemons together. */
  readonly tokens: TokenSource;
  readonly freshnessMs: number;
  readonly random: Random;
  readonly metrics: SupernodeMetrics;
  readonly log: Log;
  /** Where hosts have certificates. */
  readonly renew?: ((host: HostId, request: string) => Promise<Certificate>) | undefined;
}

/** Read with the first question where another supernode would take over: as much as is read ahead of what hosts have taken. */
const fewBytes = readAheadTuning.pieces * minPieceLength;

export class Cluster {
  readonly scheduler: Scheduler;
  readonly #options: ClusterOptions;
  readonly channels = new HostChannels({
    welcome: (sealKey) => this.#welcome(sealKey),
    onHello: (hello, remote) => this.#hello(hello, remote),
    onMessage: (host, message, channel) => this.#receive(host, channel, message),
    onLeft: (host, error) => this.#left(host, error),
  });
  readonly orders = new HostOrders({
    post: (host, message) => this.channels.send(host, message),
    isConnected: (host) => this.channels.isOpen(host),
  });
  readonly traffic = new Traffic();
  readonly watches = new Watches({
    post: (host, message) => this.channels.post(host, message),
    peersOf: (version) => this.scheduler.swarms.get(version)?.peers ?? [],
  });
  readonly leases: SeedLeases;
  readonly #takeovers: Takeovers;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #closed = false;
  readonly #closing = new AbortController();

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.scheduler = new Scheduler({ random: options.random, freshnessMs: options.freshnessMs });
    this.leases = new SeedLeases({
      seeds: options.seeds,
      note: (task) => {
        const key = taskKey(task);
        this.#note(key, task, { by: "preheat", onlyShareable: false });
        return key;
      },
      dispatch: (event) => this.dispatch(event),
      peersOf: (version) => this.scheduler.swarms.get(version)?.peers ?? [],
    });
    this.#takeovers = new Takeovers({
      ...options,
      ownKey: options.key.publicKey,
      scheduler: this.scheduler,
      dispatch: (event) => this.dispatch(event),
      post: (host, message) => this.channels.post(host, message),
      onAltered: (host, version) =>
        this.#strike("manifest altered", { host, by: options.key.host, reason: "corrupt", version }),
    });
  }

  /** Whether the host may read the version: it was admitted, and has not left. */
  admits(host: HostId, version: VersionId): boolean {
    return this.scheduler.hosts.get(host)?.peers.get(version)?.admitted === true;
  }

  /** Feeds the scheduler and carries out what it wants. */
  dispatch(event: SchedulerEvent, now = performance.now()): void {
    if (this.#closed) return;
    for (const effect of this.scheduler.step(event, now)) this.#perform(effect);
    this.#arm(now);
  }

  /** How a version is to be read. What is read and with nobody would be read again by a supernode that takes over. */
  appetite(version: VersionId): Appetite {
    if (!this.#takeovers.hasOthers) return "all";
    const peers = this.scheduler.swarms.get(version)?.peers ?? [];
    if (peers.some(({ state, admitted }) => state === "fetching" && admitted)) return "as-taken";
    return this.leases.isTaken(version) ? "all" : "none";
  }

  /** Some host holds all of it, other than this one. */
  isHeldBeside(version: VersionId, host: HostId | undefined): boolean {
    return this.scheduler.swarms.get(version)?.isHeldBeside(host) ?? false;
  }

  /** Tells a version's peers that its manifest grew; a failed host hears of it too, so that it can end. */
  tellManifest(version: VersionId, manifest: ManifestPart): void {
    const swarm = this.scheduler.swarms.get(version);
    if (swarm === undefined || swarm.peers.length === 0) return;
    const text = JSON.stringify({ type: "manifest", version, manifest } satisfies FromSupernode);
    for (const peer of swarm.peers) {
      if (peer.state === "fetching") this.channels.postText(peer.host.id, text);
    }
  }

  close(): void {
    this.#closed = true;
    this.#closing.abort(new DragonflyError("interrupted", "the supernode is stopping"));
    this.#takeovers.close();
    clearTimeout(this.#timer);
    this.channels.close("the supernode is stopping");
  }

  #arm(now: number): void {
    const at = this.scheduler.nextWake();
    if (at === this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = at;
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.dispatch({ type: "wake" });
      },
      Math.min(Math.max(1, at - now), 2 ** 31 - 1),
    );
  }

  // --- from the daemons

  #welcome(sealKey: string): FromSupernode {
    const { key, software, address } = this.#options;
    return {
      type: "welcome",
      protocol: controlProtocol,
      host: key.host,
      software,
      key: key.publicKey,
      address: address(),
      sealKey,
    };
  }

  #hello(hello: FromDaemonOf<"hello">, remote: string): void {
    this.orders.hostLeft(hello.host);
    const dial = dialAddress(hello.address, remote);
    const { host: id, labels, limits } = hello;
    this.dispatch({ type: "host-joined", id, address: dial, labels, limits });
    this.#takeovers.joined(hello);
    const { length: holdings } = hello.holdings;
    this.#options.log.info("host joined", { host: id, address: dial, holdings });
  }

  #left(host: HostId, error: DragonflyError | undefined): void {
    this.orders.hostLeft(host);
    this.#takeovers.left(host);
    if (error !== undefined) this.#options.log.info("host lost", { host, error: error.message });
    this.dispatch({ type: "host-left", id: host });
  }

  #receive(host: HostId, channel: HostChannel, message: FromHost): void {
    switch (message.type) {
      case "register":
        return this.#register(host, channel, message);
      case "progress":
        return this.#progress(host, message);
      case "get-token":
        return void this.#getToken(host, channel, message);
      case "renew":
        return void this.#renew(host, channel, message);
      case "more-neighbours":
        return this.dispatch({ host, least: undefined, ...message });
      case "piece-failed":
        return this.#strike("piece failed", { host: message.from, by: host, ...message });
      case "doubt":
        return this.channels.probe(message.host);
      case "load": {
        const { givingWay, othersSentRate, pressure } = message;
        return this.dispatch({ type: "load", host, load: { givingWay, othersSentRate, pressure } });
      }
      case "last-copies": {
        const versions = message.versions.filter((version) => this.#isLastCopy(version, host));
        return channel.send({ type: "last-copies", request: message.request, versions });
      }
      case "serving":
      case "served":
        return this.orders.hear(host, message);
      case "read-first":
        return this.#options.seeds.find(message.version)?.readFirst(message.from, message.to);
      case "parted":
        return this.dispatch({ host, ...message });
      case "leave":
        return this.#leave(host, message);
      case "keys":
      case "holdings":
      case "recalled":
      case "starving":
        return this.#takeovers.receive(host, message);
      case "bye":
        return channel.close();
    }
  }

  #leave(host: HostId, { version, moved }: FromDaemonOf<"leave">): void {
    this.dispatch({ type: "left", host, version, moved });
    // It is read at another home already. Whoever is merely lost may come again, and the seed waits for him.
    if (moved === true && this.appetite(version) === "none") this.leases.end(version);
  }

  #isLastCopy(version: VersionId, holder: HostId): boolean {
    return !this.#options.seeds.holds(version) && !this.isHeldBeside(version, holder);
  }

  #strike(what: string, { host, by, reason, version, piece }: Fault): void {
    this.#options.log.warn(what, { host, by, reason, version, piece });
    this.#options.metrics.strikes.inc({ reason });
    this.dispatch({ type: "strike", host, by, version, piece, reason });
  }

  #progress(host: HostId, message: FromDaemonOf<"progress">): void {
    const { version, from, complete: last } = message;
    const nowMs = performance.now();
    this.traffic.received(host, version, from, { nowMs, last });
    this.watches.heard(host, message, nowMs);
    this.dispatch({ host, ...message });
  }

  #register(host: HostId, channel: HostChannel, message: FromDaemonOf<"register">): void {
    try {
      const key = taskKey(message);
      const { request, version, maxAgeMs, onlyShareable } = message;
      if (version !== undefined) this.#takeovers.holds(host, [{ task: key.id, version, complete: false }]);
      const wanted = { task: key.id, audience: key.audience, maxAgeMs };
      const now = performance.now();
      if (!this.scheduler.isConfirmed(wanted, now))
        this.#note(key, message, { by: host, onlyShareable: onlyShareable === true });
      this.dispatch({ type: "register", host, request, ...wanted }, now);
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      channel.send({ type: "refused", request: message.request, error: error.toJSON() });
    }
  }

  /** Remembers how to ask the origin, should it have to be asked. */
  #note(key: TaskKey, task: TaskRequest, { by, onlyShareable }: Pick<Errand, "by" | "onlyShareable">): void {
    const { id, audience, displayUrl, digest, originUrl: url, headers } = key;
    const { range, ca, insecureOrigin: insecure, traceparent } = task;
    this.#options.seeds.note({
      task: id,
      audience,
      displayUrl,
      digest,
      onlyShareable,
      by,
      request: { url, headers, range, ca, insecure, traceparent },
    });
  }

  async #getToken(host: HostId, channel: HostChannel, message: FromDaemonOf<"get-token">): Promise<void> {
    const { request, realm, service, scopes, credentials, instead, ca, insecure } = message;
    this.#options.log.debug("token asked for", { realm: publicUrl(realm), by: host });
    try {
      const wanted = { realm, service, scopes, credentials, trust: { ca, insecure } };
      const { token, forMs } = await this.#options.tokens.get(wanted, { instead, signal: this.#closing.signal });
      channel.send({ type: "token", request, token, forMs });
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      this.#options.log.warn("no token", { realm: publicUrl(realm), by: host, error: error.message });
      channel.send({ type: "refused", request, error: error.toJSON() });
    }
  }

  async #renew(host: HostId, channel: HostChannel, { request, csr }: FromDaemonOf<"renew">): Promise<void> {
    try {
      const { renew } = this.#options;
      if (renew === undefined) throw new DragonflyError("not-found", "this supernode issues no certificates");
      const { cert, authorities } = await renew(host, csr);
      channel.send({ type: "certificate", request, cert, authorities: [...authorities] });
    } catch (thrown) {
      channel.send({ type: "refused", request, error: DragonflyError.from(thrown).toJSON() });
    }
  }

  // --- to the daemons

  #perform(effect: SchedulerEffect): void {
    const { log, metrics } = this.#options;
    switch (effect.type) {
      case "probe":
        return void this.#probe(effect);
      case "start-seed":
        return void this.#seed(effect.version);
      case "seeding":
      case "not-seeding":
        return this.leases.hear(effect);
      case "admit":
        metrics.registrations.inc({ result: "admitted" });
        return this.#admit(effect);
      case "refuse":
        metrics.registrations.inc({ result: "refused" });
        return this.channels.send(effect.host, { type: "refused", request: effect.request, error: effect.error });
      case "introduce":
        return this.channels.introduce(effect.host, effect.version, effect.neighbours);
      case "drop": {
        const { version, neighbour, reason } = effect;
        return this.channels.send(effect.host, { type: "drop", version, neighbour, reason });
      }
      case "abandon":
        return this.channels.send(effect.host, { type: "abandoned", version: effect.version, error: effect.error });
      case "isolated":
        return log.warn("host isolated", {
          host: effect.host,
          reason: effect.reason,
          forMs: Math.round(effect.untilMs - performance.now()),
          strikes: this.scheduler.hosts.get(effect.host)?.strikes.list.map(({ reason, by }) => `${reason} by ${by}`),
        });
      case "released":
        return log.info("host released", { host: effect.host });
    }
  }

  #admit({ host, request, version, neighbours }: Extract<SchedulerEffect, { type: "admit" }>): void {
    const seed = this.#options.seeds.find(version);
    if (seed === undefined) {
      // Evicted between the decision and now: the next attempt probes anew.
      const error = new DragonflyError("overloaded", "the content was just evicted, try again", { retryAfterMs: 100 });
      return this.channels.send(host, { type: "refused", request, error: error.toJSON() });
    }
    const own: Pick<FromSupernodeOf<"task">, AskersOwn> = {
      request,
      neighbours: addressesOf(neighbours, version),
      isolated: this.scheduler.hosts.get(host)?.strikes.isolated === true ? true : undefined,
    };
    // Who is admitted hears of all its neighbours, so what else waits to be told may come after it.
    this.channels.postText(host, `${seed.told.slice(0, -1)},${JSON.stringify(own).slice(1)}`);
    this.watches.admitted(host, version);
  }

  /** Of what is asked for to learn the version. Hosts that offer one may have all of it; and what is read goes with a home that dies. */
  #firstBytes(task: TaskId): number | undefined {
    if (this.#takeovers.isOffered(task)) return 1;
    return this.#takeovers.hasOthers ? fewBytes : undefined;
  }

  async #probe({ task, audience }: Extract<SchedulerEffect, { type: "probe" }>): Promise<void> {
    try {
      const version = await this.#options.seeds.probe(task, audience, this.#firstBytes(task));
      const cacheControl = this.#options.seeds.find(version)?.version.representation?.["cache-control"];
      const forMs = freshForMs(cacheControl, this.#options.freshnessMs);
      this.dispatch({ type: "probed", task, audience, version, freshForMs: forMs });
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      this.#options.log.warn("probe failed", { task, error: error.message });
      this.dispatch({ type: "probe-failed", task, audience, error: error.toJSON() });
    }
  }

  async #seed(version: VersionId): Promise<void> {
    const { seeds, log } = this.#options;
    const seed = seeds.find(version);
    try {
      await this.#takeovers.gather(version);
      await seeds.run(version);
      log.info("version complete", { version, url: seeds.find(version)?.version.url });
      this.dispatch({ type: "seed", version, state: "complete" });
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      log.warn("version failed", { version, error: error.message });
      // One that was stopped is known to be so, and another may have begun.
      if ((seeds.find(version) ?? seed) === seed)
        this.dispatch({ type: "seed-failed", version, error: error.toJSON() });
    }
  }
}
