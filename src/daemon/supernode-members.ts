// Which supernodes there are, and which of them are there: keeps a control channel to each, and knows the home of each name among those that
// are there. All hosts order alike (core/homes.ts), so that they meet without agreeing on anything.

import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { rankHomes } from "../core/homes.ts";
import type { HostId } from "../core/ids.ts";
import { Isolation, type IsolationTuning } from "../core/isolation.ts";
import type { Credentials } from "../net/credentials.ts";
import type { Log } from "../runtime/log.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import { controlProtocol, type FromDaemon, type FromDaemonOf, maxKnownKeys } from "../wire/control.ts";
import { Membership, type Resolve } from "./membership.ts";
import { type News, type SupernodeIdentity, SupernodeLink } from "./supernode-link.ts";

export interface SupernodeMembersOptions {
  readonly urls: readonly string[];
  /** Where the cluster speaks TLS. */
  readonly credentials?: Credentials | undefined;
  readonly host: HostId;
  readonly software: string;
  readonly log: Log;
  /** What to say in `hello`, asked anew at each dialling. */
  readonly introduce: () => Pick<FromDaemonOf<"hello">, "address" | "labels" | "holdings" | "limits">;
  readonly onNews: (news: News, supernode: SupernodeIdentity) => void;
  readonly onUp: (supernode: SupernodeIdentity) => void;
  /** It has been there for a while, and is again the home of what it is the first for. */
  readonly onSettled?: (supernode: SupernodeIdentity) => void;
  /** How long a while. */
  readonly settleMs?: number;
  /** Where all its addresses are lost. */
  readonly onDown: (supernode: SupernodeIdentity) => void;
  readonly resolve?: Resolve;
  readonly resolveEveryMs?: number;
  readonly isolation?: IsolationTuning;
}

/** One that is lost again and again is asked last for a while: its tasks would move with it each time. */
const lossTuning: IsolationTuning = {
  ...{ afterFaults: 5, windowMs: 60_000, firstMs: 30_000, maxMs: 600_000, probationMs: 120_000 },
};
/** So long after the last was lost: one that is restarted must not send its hosts to the origin. */
const backWithinMs = 3000;
/** What is away for longer is given one attempt, and this time for it. */
const attemptMs = 1000;
const hurryEveryMs = 250;
/** One that comes back is no home until all hosts have met it again: what it does not hear of in time it would read from the origin. */
const settleWithinMs = 3000;
/** At the start, how long those that answered wait for the others: a task asked of the wrong home is read twice. */
const graceMs = 500;

export class SupernodeMembers {
  readonly #options: SupernodeMembersOptions;
  readonly #membership: Membership;
  readonly #links = new Map<string, SupernodeLink>();
  readonly #members = new Set<string>();
  /** By host, of all that were met. */
  readonly #keys = new Map<HostId, string>();
  readonly #losses = new Map<HostId, Isolation>();
  readonly #abort = new AbortController();
  #ready: Promise<unknown> = Promise.resolve();
  /** Those that are there and were not at the start, until they have been there for a while. */
  readonly #unsettled = new Set<HostId>();
  /** Emits `up`. */
  readonly #news = new EventEmitter().setMaxListeners(0);
  #lostAtMs = Number.NEGATIVE_INFINITY;
  #isStarted = false;

  constructor(options: SupernodeMembersOptions) {
    this.#options = options;
    this.#membership = new Membership({ ...options, onMembers: (urls) => this.#meet(urls) });
  }

  /** Those that are there. */
  get up(): SupernodeIdentity[] {
    return [...this.#links.values()].flatMap(({ identity }) => identity ?? []);
  }

  /** Settled when it is known at first which are there. */
  get ready(): Promise<unknown> {
    return this.#ready;
  }

  /** When one was lost last, in the clock of `performance.now`. */
  get lostAtMs(): number {
    return this.#lostAtMs;
  }

  /** Undefined while it is away. */
  link(host: HostId): SupernodeLink | undefined {
    for (const link of this.#links.values()) if (link.identity?.host === host) return link;
    return undefined;
  }

  /** Any that is there. */
  get any(): SupernodeLink | undefined {
    return [...this.#links.values()].find(({ identity }) => identity !== undefined);
  }

  /** The first in the name's order of those that are there. */
  home(name: string, without: ReadonlySet<string> = new Set()): SupernodeLink | undefined {
    const there = [...this.#links.values()].filter(({ identity, url }) => identity !== undefined && !without.has(url));
    const steady = there.filter(({ identity }) => identity !== undefined && this.#isSteady(identity.host));
    const left = steady.length > 0 ? steady : there;
    const [home] = rankHomes(
      name,
      left.flatMap(({ identity }) => identity?.host ?? []),
    );
    return left.find(({ identity }) => identity?.host === home);
  }

  start(): void {
    const all = this.#membership.start().then(() => this.#dialAll());
    const { signal } = this.#abort;
    const grace = once(this.#news, "up", { signal }).then(() => sleep(graceMs, undefined, { signal, ref: false }));
    this.#ready = Promise.race([all, grace.catch(() => {})]).then(() => {
      this.#isStarted = true;
    });
  }

  /** Until when whoever finds nobody there waits for one to come. */
  get patientUntilMs(): number {
    return Math.max(this.#backByMs, performance.now() + attemptMs);
  }

  /**
   * Waits for one to come, until then, and where none was there a moment ago no longer than until each that was dialled has answered. Resolves to
   * whether one is there in time.
   */
  async comes(untilMs: number, signal: AbortSignal): Promise<boolean> {
    if (performance.now() >= untilMs) return false;
    const over = new AbortController();
    const until = (ms: number) =>
      sleep(Math.max(0, ms - performance.now()), undefined, { signal: over.signal, ref: false });
    const inVain = [until(untilMs), this.#dialAll().then(() => until(this.#backByMs))];
    const hurrying = setInterval(() => this.#hurry(), hurryEveryMs).unref();
    try {
      const up = once(this.#news, "up", { signal: over.signal });
      if (this.any === undefined) await untilAborted(Promise.race([up, ...inVain]), signal);
    } finally {
      over.abort();
      clearInterval(hurrying);
    }
    return this.any !== undefined;
  }

  /** To all that are there. */
  tell(message: FromDaemon): void {
    for (const link of this.#links.values()) link.send(message);
  }

  close(): void {
    this.#abort.abort();
    this.#membership.close();
    for (const link of this.#links.values()) link.close();
  }

  get #backByMs(): number {
    return this.#lostAtMs + backWithinMs;
  }

  #isSteady(host: HostId): boolean {
    return !this.#unsettled.has(host) && this.#losses.get(host)?.advance(performance.now()) !== "isolated";
  }

  /** From one that was there at the start nothing has moved away. */
  async #settle(supernode: SupernodeIdentity): Promise<void> {
    const { settleMs = settleWithinMs, onSettled, log } = this.#options;
    const { host, url } = supernode;
    const { signal } = this.#abort;
    this.#unsettled.add(host);
    try {
      await sleep(settleMs, undefined, { signal, ref: false });
    } catch {
      return;
    }
    if (this.link(host)?.identity !== supernode) return;
    this.#unsettled.delete(host);
    log.debug("supernode settled", { url });
    onSettled?.(supernode);
  }

  #noteLoss({ host, url }: SupernodeIdentity): void {
    const isolation = this.#losses.get(host) ?? new Isolation(this.#options.isolation ?? lossTuning);
    if (this.#losses.size < maxKnownKeys) this.#losses.set(host, isolation);
    const now = performance.now();
    if (!isolation.fault(now)) return;
    this.#options.log.warn("supernode isolated", { url, host, forMs: Math.round(isolation.untilMs - now) });
  }

  /** Settled when each that is away was dialled once. */
  async #dialAll(): Promise<void> {
    this.#hurry();
    await Promise.all([...this.#links.values()].map(({ attempt }) => attempt));
  }

  #hurry(): void {
    for (const link of this.#links.values()) link.hurry();
  }

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
    const isBack = this.up.filter((one) => one.host === host).length === 1;
    if (this.#isStarted && isBack) void this.#settle(supernode);
    this.#news.emit("up");
    this.#options.onUp(supernode);
  }

  /** Returns whether it is to be dialled again: not while another of its addresses serves, nor when it is no member any more. */
  #down(link: SupernodeLink, supernode: SupernodeIdentity): boolean {
    if (this.link(supernode.host) !== undefined) return false;
    this.#unsettled.delete(supernode.host);
    this.#lostAtMs = performance.now();
    for (const other of this.#links.values()) if (other !== link && this.#members.has(other.url)) other.start();
    // One that was away longer may be back, and with nobody left that is worth to know at once.
    if (this.any === undefined) this.#hurry();
    this.#noteLoss(supernode);
    this.#options.onDown(supernode);
    if (this.#members.has(link.url)) return true;
    this.#part(link.url, link);
    return false;
  }
}
