// The supernodes as this host uses them: asks the one that is a task's home, and the next in its order where the home is away; tells what is
// held here to those that should know.

import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import { rankHomes } from "../core/homes.ts";
import type { HostId, TaskId, VersionId } from "../core/ids.ts";
import type { Version } from "../core/version.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import type { FromDaemon, FromDaemonOf, NeighbourAddress } from "../wire/control.ts";
import type { TaskRequest } from "../wire/task-key.ts";
import type { Certificate, SupernodeIdentity, SupernodeLink, Task, Token } from "./supernode-link.ts";
import { SupernodeMembers, type SupernodeMembersOptions } from "./supernode-members.ts";

type Holdings = FromDaemonOf<"holdings">["holdings"];

/** A task as its home told it, and the home. */
export interface Registration {
  readonly task: Task;
  readonly supernode: SupernodeIdentity;
}

export interface SupernodesOptions extends SupernodeMembersOptions {
  /** With the answer to a registration. */
  readonly onIntroduced: (version: VersionId, neighbours: readonly NeighbourAddress[]) => void;
}

export interface Registering {
  readonly signal: AbortSignal;
  /** What is being downloaded already. */
  readonly version?: VersionId | undefined;
}

/** Attempts at a supernode that says it is overloaded. */
const maxBusyTries = 10;
/** Within this time hosts tell the others what they hold of a lost supernode's tasks: not all at once. */
const announceWithinMs = 1000;
/** Somebody waits for room. */
const copiesWithinMs = 500;

export class Supernodes {
  readonly #options: SupernodesOptions;
  readonly #members: SupernodeMembers;
  readonly #abort = new AbortController();

  constructor(options: SupernodesOptions) {
    this.#options = options;
    this.#members = new SupernodeMembers({
      ...options,
      onDown: (supernode) => {
        options.onDown(supernode);
        void this.#announce(supernode.host);
      },
    });
  }

  get configured(): boolean {
    return this.#options.urls.length > 0;
  }

  /** Those that are there. */
  get up(): SupernodeIdentity[] {
    return this.#members.up;
  }

  isUp(host: HostId): boolean {
    return this.#members.link(host) !== undefined;
  }

  /** One was lost so lately, in milliseconds. */
  lostWithin(ms: number): boolean {
    return performance.now() - this.#members.lostAtMs < ms;
  }

  /** Whom `register` is going to ask first; undefined while nobody is there. */
  homeOf(task: TaskId): SupernodeIdentity | undefined {
    return this.#members.home(task)?.identity;
  }

  start(): void {
    if (this.configured) this.#members.start();
  }

  /** To one of them; lost if it is away. */
  send(message: FromDaemon, host: HostId): void {
    this.#members.link(host)?.send(message);
  }

  /**
   * A version is here, or on its way, as its `home` knows: whoever is next, or should have been first, is told too. So one that stands in while
   * the home hangs does not read again what hosts have.
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
    this.#members.link(host)?.refuse(error);
  }

  /** To all that are there. */
  tell(message: FromDaemon): void {
    this.#members.tell(message);
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
  getToken(wish: Parameters<SupernodeLink["getToken"]>[0], signal: AbortSignal): Promise<Token> {
    return this.#askHome(`${wish.realm} ${wish.service ?? ""}`, (home) => home.getToken(wish, signal), signal);
  }

  /** From whichever is there; `use` throws `protocol-violation` where it was altered. Errors: that, and those of `SupernodeLink.renew`. */
  async renew(csr: string, use: (issued: Certificate) => Promise<void>, signal: AbortSignal): Promise<void> {
    const link = this.#members.any;
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
      const home = this.#members.home(taskId);
      if (home !== undefined) byHome.set(home, [...(byHome.get(home) ?? []), id]);
    }
    const answers = [...byHome].map(([home, ids]) => home.lastCopies(ids, signal).catch(() => undefined));
    return new Set((await Promise.all(answers)).flatMap((answer) => answer?.versions ?? []));
  }

  close(): void {
    this.#abort.abort();
    this.#members.close();
  }

  #register(id: TaskId, task: TaskRequest, { signal, version }: Registering): Promise<Registration> {
    const filter = task.filter === undefined ? undefined : [...task.filter];
    const { url, headers, tag, contentDigest, range, ca, insecureOrigin, onlyShareable, rights, traceparent } = task;
    const key = { url, headers, tag, contentDigest, range, filter, ca, insecureOrigin, rights };
    const message = { version, ...key, onlyShareable, maxAgeMs: task.maxAgeMs, traceparent };
    const ask = async (home: SupernodeLink, supernode: SupernodeIdentity): Promise<Registration> => {
      const answer = await home.register(message, signal);
      this.#options.onIntroduced(answer.version, answer.neighbours);
      return { task: answer, supernode };
    };
    return this.#askHome(id, ask, signal);
  }

  /** Asks the first in the name's order that can answer; with nobody there, whoever comes soon. */
  async #askHome<T>(
    name: string,
    ask: (home: SupernodeLink, identity: SupernodeIdentity) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    await untilAborted(this.#members.ready, signal);
    const asked = new Set<string>();
    let originAway: DragonflyError | undefined;
    let untilMs: number | undefined;
    for (;;) {
      const home = this.#members.home(name, asked);
      const identity = home?.identity;
      if (home === undefined || identity === undefined) {
        if (originAway !== undefined) throw originAway;
        untilMs ??= this.#members.patientUntilMs;
        if (!(await this.#members.comes(untilMs, signal)))
          throw new DragonflyError("supernode-unreachable", `no supernode answers at ${this.#options.urls.join(", ")}`);
        asked.clear();
        continue;
      }
      try {
        return await ask(home, identity);
      } catch (thrown) {
        const error = DragonflyError.from(thrown);
        // Perhaps it is the supernode that is cut off: another may reach the origin.
        if (error.code === "origin-unreachable") originAway = error;
        else if (error.code !== "supernode-unreachable") throw error;
        asked.add(home.url);
      }
    }
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
