// The supernodes that this host uses: keeps a control channel to each, asks the one that is a task's home, and the next in its order where the
// home is away. All hosts order alike (core/homes.ts), so that they meet without agreeing on anything.

import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import { rankHomes } from "../core/homes.ts";
import type { HostId, TaskId, VersionId } from "../core/ids.ts";
import { Isolation, type IsolationTuning } from "../core/isolation.ts";
import type { Version } from "../core/version.ts";
import type { Credentials } from "../net/credentials.ts";
import type { Log } from "../runtime/log.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import {
  controlProtocol,
  type FromDaemon,
  type FromDaemonOf,
  maxKnownKeys,
  type NeighbourAddress,
} from "../wire/control.ts";
import type { TaskRequest } from "../wire/task-key.ts";
import { Membership, type Resolve } from "./membership.ts";
import {
  type Certificate,
  type News,
  type SupernodeIdentity,
  SupernodeLink,
  type Task,
  type Token,
} from "./supernode-link.ts";

type Holdings = FromDaemonOf<"holdings">["holdings"];

/** A task as its home told it, and the home. */
export interface Registration {
  readonly task: Task;
  readonly supernode: SupernodeIdentity;
}

export interface SupernodesOptions {
  readonly urls: readonly string[];
  /** Where the cluster speaks TLS. */
  readonly credentials?: Credentials | undefined;
  readonly host: HostId;
  readonly software: string;
  readonly log: Log;
  /** What to say in `hello`, asked anew at each dialling. */
  readonly introduce: () => Pick<FromDaemonOf<"hello">, "address" | "labels" | "holdings" | "limits">;
  readonly onNews: (news: News, supernode: SupernodeIdentity) => void;
  /** With the answer to a registration. */
  readonly onIntroduced: (version: VersionId, neighbours: readonly NeighbourAddress[]) => void;
  readonly onUp: (supernode: SupernodeIdentity) => void;
  readonly onDown: (supernode: SupernodeIdentity) => void;
  readonly resolve?: Resolve;
  readonly resolveEveryMs?: number;
  readonly isolation?: IsolationTuning;
}

export interface Registering {
  readonly signal: AbortSignal;
  /** What is being downloaded already. */
  readonly version?: VersionId | undefined;
}

/** One that is lost again and again is asked last for a while: its tasks would move with it each time. */
const lossTuning: IsolationTuning = {
  ...{ afterFaults: 5, windowMs: 60_000, firstMs: 30_000, maxMs: 600_000, probationMs: 120_000 },
};
/** Attempts at a supernode that says it is overloaded. */
const maxBusyTries = 10;
/** So long after the last was lost: one that is restarted must not send its hosts to the origin. */
const backWithinMs = 3000;
/** What is away for longer is given one attempt, and this time for it. */
const attemptMs = 1000;
/** At the start, how long those that answered wait for the others: a task asked of the wrong home is read twice. */
const graceMs = 500;
/** Within this time hosts tell the others what they hold of a lost supernode's tasks: not all at once. */
const announceWithinMs = 1000;
/** Somebody waits for room. */
const copiesWithinMs = 500;

export class Supernodes {
  readonly #options: SupernodesOptions;
  readonly #membership: Membership;
  readonly #links = new Map<string, SupernodeLink>();
  readonly #members = new Set<string>();
  /** By host, of all that were met. */
  readonly #keys = new Map<HostId, string>();
  readonly #losses = new Map<HostId, Isolation>();
  readonly #abort = new AbortController();
  #ready: Promise<void> = Promise.resolve();
  #tellUp: () => void = () => {};
  /** When one was lost last. */
  #lostAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SupernodesOptions) {
    this.#options = options;
    this.#membership = new Membership({ ...options, onMembers: (urls) => this.#meet(urls) });
  }

  get configured(): boolean {
    return this.#options.urls.length > 0;
  }

  /** Those that are there. */
  get up(): SupernodeIdentity[] {
    return [...this.#links.values()].flatMap(({ identity }) => identity ?? []);
  }

  isUp(host: HostId): boolean {
    return this.#link(host) !== undefined;
  }

  /** Whom `register` is going to ask first; undefined while nobody is there. */
  homeOf(task: TaskId): SupernodeIdentity | undefined {
    return this.#home(task, new Set())?.identity;
  }

  start(): void {
    if (!this.configured) return;
    const someUp = new Promise<void>((resolve) => {
      this.#tellUp = resolve;
    });
    const all = this.#membership.start().then(() => this.#dialAll());
    const signal = this.#abort.signal;
    const grace = someUp.then(() => sleep(graceMs, undefined, { signal, ref: false })).catch(() => {});
    this.#ready = Promise.race([all, grace]);
  }

  /** To one of them; lost if it is away. */
  send(message: FromDaemon, host: HostId): void {
    this.#link(host)?.send(message);
  }

  /**
   * A version is whole here, as its `home` is told: whoever is next, or should have been first, is told too. So one that stands in while the
   * home hangs does not read it again.
   */
  holds(holding: Holdings[number], home: HostId): void {
    const ranked = rankHomes(
      holding.task,
      this.up.map(({ host }) => host),
    );
    for (const host of ranked.slice(0, 2)) {
      if (host !== home) this.send({ type: "holdings", holdings: [holding] }, host);
    }
  }

  /** It has said what it must not: that counts as a loss of it, with what follows from many. */
  refuse(host: HostId, error: DragonflyError): void {
    this.#link(host)?.refuse(error);
  }

  /** To all that are there. */
  tell(message: FromDaemon): void {
    for (const link of this.#links.values()) link.send(message);
  }

  /**
   * Asks a task's home to take part, again and again while it says that it is overloaded; where it goes away meanwhile, the next. Errors:
   * what the supernode or the origin refuses with; `supernode-unreachable` when none answers now.
   */
  async register(task: TaskId, request: TaskRequest, how: Registering): Promise<Registration> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#register(task, request, how);
      } catch (thrown) {
        const error = DragonflyError.from(thrown);
        // Somebody else asked at the same moment who wants shareable content alone.
        const meantOther = error.code === "not-shareable" && request.onlyShareable !== true;
        if ((error.code !== "overloaded" && !meantOther) || tries >= maxBusyTries) throw error;
        const pauseMs = (error.retryAfterMs ?? 500) * (0.5 + Math.random());
        await sleep(pauseMs, undefined, { signal: how.signal }).catch(() => how.signal.throwIfAborted());
      }
    }
  }

  /** A token service has a home too, so that all hosts share its tokens. Errors: what it refuses with; `supernode-unreachable`. */
  async getToken(wish: Parameters<SupernodeLink["getToken"]>[0], signal: AbortSignal): Promise<Token> {
    await untilAborted(this.#ready, signal);
    const link = this.#home(`${wish.realm} ${wish.service ?? ""}`, new Set());
    if (link === undefined) throw new DragonflyError("supernode-unreachable", "no supernode answers");
    return link.getToken(wish, signal);
  }

  /** From whichever is there; `use` throws `protocol-violation` where it was altered. Errors: that, and those of `SupernodeLink.renew`. */
  async renew(csr: string, use: (issued: Certificate) => Promise<void>, signal: AbortSignal): Promise<void> {
    const link = [...this.#links.values()].find(({ identity }) => identity !== undefined);
    if (link === undefined) throw new DragonflyError("supernode-unreachable", "no supernode answers");
    const issued = await link.renew(csr, signal);
    try {
      await use(issued);
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      if (error.code === "protocol-violation") link.refuse(error);
      throw error;
    }
  }

  /** Of versions that are held here, those that nobody else holds, as their homes say; of a home that does not answer soon, none. */
  async lastCopies(versions: readonly Pick<Version, "id" | "taskId">[]): Promise<ReadonlySet<VersionId>> {
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(copiesWithinMs)]);
    const byHome = new Map<SupernodeLink, VersionId[]>();
    for (const { id, taskId } of versions) {
      const home = this.#home(taskId, new Set());
      if (home !== undefined) byHome.set(home, [...(byHome.get(home) ?? []), id]);
    }
    const answers = [...byHome].map(([home, ids]) => home.lastCopies(ids, signal).catch(() => undefined));
    return new Set((await Promise.all(answers)).flatMap((answer) => answer?.versions ?? []));
  }

  close(): void {
    this.#abort.abort();
    this.#membership.close();
    for (const link of this.#links.values()) link.close();
  }

  // --- registering

  async #register(id: TaskId, task: TaskRequest, { signal, version }: Registering): Promise<Registration> {
    await untilAborted(this.#ready, signal);
    const filter = task.filter === undefined ? undefined : [...task.filter];
    const { url, headers, tag, contentDigest, range, ca, insecureOrigin, onlyShareable, rights, traceparent } = task;
    const key = { url, headers, tag, contentDigest, range, filter, ca, insecureOrigin, rights };
    const message = { version, ...key, onlyShareable, maxAgeMs: task.maxAgeMs, traceparent };
    const tried = new Set<string>();
    let backByMs: number | undefined;
    for (;;) {
      const link = this.#home(id, tried);
      const supernode = link?.identity;
      if (link === undefined || supernode === undefined) {
        const now = performance.now();
        if (backByMs === undefined) {
          backByMs = this.#lostAtMs + backWithinMs;
          await untilAborted(settledBy(this.#dialAll(), Math.max(backByMs, now + attemptMs)), signal);
        } else if (now < backByMs) {
          await untilAborted(settledBy(this.#nextDialled(), backByMs), signal);
        } else {
          throw new DragonflyError("supernode-unreachable", `no supernode answers at ${this.#options.urls.join(", ")}`);
        }
        tried.clear();
        continue;
      }
      try {
        const answer = await link.register(message, signal);
        this.#options.onIntroduced(answer.version, answer.neighbours);
        return { task: answer, supernode };
      } catch (thrown) {
        const error = DragonflyError.from(thrown);
        if (error.code !== "supernode-unreachable") throw error;
        tried.add(link.url);
      }
    }
  }

  /** The first in the task's order of those that are there. */
  #home(name: string, without: ReadonlySet<string>): SupernodeLink | undefined {
    const there = [...this.#links.values()].filter(({ identity, url }) => identity !== undefined && !without.has(url));
    const steady = there.filter(({ identity }) => identity !== undefined && !this.#isIsolated(identity.host));
    const left = steady.length > 0 ? steady : there;
    const [home] = rankHomes(
      name,
      left.flatMap(({ identity }) => identity?.host ?? []),
    );
    return left.find(({ identity }) => identity?.host === home);
  }

  #isIsolated(host: HostId): boolean {
    return this.#losses.get(host)?.advance(performance.now()) === "isolated";
  }

  #noteLoss({ host, url }: SupernodeIdentity): void {
    const isolation = this.#losses.get(host) ?? new Isolation(this.#options.isolation ?? lossTuning);
    if (this.#losses.size < maxKnownKeys) this.#losses.set(host, isolation);
    const now = performance.now();
    if (!isolation.fault(now)) return;
    this.#options.log.warn("supernode isolated", { url, host, forMs: Math.round(isolation.untilMs - now) });
  }

  #link(host: HostId): SupernodeLink | undefined {
    for (const link of this.#links.values()) if (link.identity?.host === host) return link;
    return undefined;
  }

  /** Settled when each that is away was dialled once. */
  async #dialAll(): Promise<void> {
    const links = [...this.#links.values()];
    for (const link of links) link.hurry();
    await Promise.all(links.map(({ attempt }) => attempt));
  }

  /** Settled when one of them was dialled once more. */
  async #nextDialled(): Promise<void> {
    await Promise.race([...this.#links.values()].map(({ attempt }) => attempt));
  }

  // --- members

  #meet(urls: ReadonlySet<string>): void {
    this.#members.clear();
    for (const url of urls) {
      this.#members.add(url);
      this.#linkTo(url).start();
    }
    for (const [url, link] of this.#links) if (!urls.has(url) && link.identity === undefined) this.#part(url, link);
  }

  #linkTo(url: string): SupernodeLink {
    const known = this.#links.get(url);
    if (known !== undefined) return known;
    const { log, onNews, credentials } = this.#options;
    const link: SupernodeLink = new SupernodeLink({
      url,
      credentials,
      log,
      hello: () => this.#hello(),
      onNews,
      onUp: (supernode) => this.#up(supernode),
      onDown: (supernode) => this.#down(link, supernode),
    });
    this.#links.set(url, link);
    return link;
  }

  #part(url: string, link: SupernodeLink): void {
    this.#links.delete(url);
    link.close();
  }

  #hello(): Omit<FromDaemonOf<"hello">, "sealKey"> {
    const { host, software, introduce } = this.#options;
    const keys = [...this.#keys.values()];
    return { type: "hello", protocol: controlProtocol, host, software, keys, ...introduce() };
  }

  #up(supernode: SupernodeIdentity): void {
    const { host, keyText } = supernode;
    if (this.#keys.get(host) !== keyText && this.#keys.size < maxKnownKeys) {
      this.#keys.set(host, keyText);
      this.tell({ type: "keys", keys: [...this.#keys.values()] });
    }
    this.#tellUp();
    this.#options.onUp(supernode);
  }

  /** Returns whether it is to be dialled again: not while another of its addresses serves, nor when it is no member any more. */
  #down(link: SupernodeLink, supernode: SupernodeIdentity): boolean {
    if (this.isUp(supernode.host)) return false;
    this.#lostAtMs = performance.now();
    for (const other of this.#links.values()) if (other !== link && this.#members.has(other.url)) other.start();
    // One that was away longer may be back, and with nobody left that is worth to know at once.
    if (this.up.length === 0) void this.#dialAll();
    this.#noteLoss(supernode);
    this.#options.onDown(supernode);
    void this.#announce(supernode.host);
    if (this.#members.has(link.url)) return true;
    this.#part(link.url, link);
    return false;
  }

  /** What this host holds of the lost one's tasks is told to their next homes, which have not heard of it. */
  async #announce(lost: HostId): Promise<void> {
    const { signal } = this.#abort;
    try {
      await sleep(Math.random() * announceWithinMs, undefined, { signal, ref: false });
    } catch {
      return;
    }
    const left = this.up.map(({ host }) => host);
    const byHome = new Map<HostId, Holdings>();
    for (const holding of this.#options.introduce().holdings) {
      const [home, next] = rankHomes(holding.task, [...left, lost]);
      if (home !== lost || next === undefined) continue;
      const told = byHome.get(next);
      if (told === undefined) byHome.set(next, [holding]);
      else told.push(holding);
    }
    for (const [home, holdings] of byHome) this.send({ type: "holdings", holdings }, home);
  }
}

/** Settled when that is, or when it is time. */
async function settledBy(work: Promise<void>, untilMs: number): Promise<void> {
  const done = new AbortController();
  const { signal } = done;
  const time = sleep(Math.max(0, untilMs - performance.now()), undefined, { signal, ref: false }).catch(() => {});
  await Promise.race([work, time]);
  done.abort();
}
