// A part of the hosts of `stampede`, in a process of its own: each has the control channel of a real daemon, with its homes, its way to dial
// again and its way to ask again, and says what it holds. Only the content is not fetched.

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { obey } from "../bench/crowd.js";
import { Supernodes } from "../dist/daemon/supernodes.js";
import { silentLog } from "../dist/runtime/log.js";
import { taskKey } from "../dist/wire/task-key.js";

const { url, origin, tasks, first, count, thinkMs } = JSON.parse(process.argv[2] ?? "{}");

const waits = [];
const failures = new Map();
let refusals = 0;
let losses = 0;
let working = false;
/** Registrations that are not answered yet, by when they began. */
const open = new Set();

class Host {
  #holdings = new Map();
  #supernodes;
  #next;

  constructor(nth) {
    this.#next = nth % tasks;
    const host = createHash("sha256").update(`host ${nth}`).digest("hex").slice(0, 32);
    const address = `127.0.0.1:${1 + (nth % 60_000)}`;
    this.#supernodes = new Supernodes({
      ...{ urls: [url], host, software: "crowd", log: silentLog },
      introduce: () => ({ address, labels: {}, holdings: [...this.#holdings.values()] }),
      ...{ onNews: () => {}, onIntroduced: () => {}, onUp: () => {} },
      onDown: () => losses++,
    });
    this.#supernodes.start();
  }

  get isUp() {
    return this.#supernodes.up.length > 0;
  }

  /** Asks for one task after another, as long as the crowd is to work. */
  async work() {
    while (working) {
      await sleep(thinkMs * 2 * Math.random());
      if (!working) return;
      const begun = performance.now();
      open.add(begun);
      await this.#ask(`${origin}/file-${this.#next}`);
      open.delete(begun);
      waits.push(performance.now() - begun);
      this.#next = (this.#next + 37) % tasks;
    }
  }

  /** Until it is answered: where no supernode is there, when it is there again. */
  async #ask(from) {
    const request = { url: from, headers: {} };
    for (;;) {
      try {
        const signal = new AbortController().signal;
        const { task, supernode } = await this.#supernodes.register(taskKey(request).id, request, { signal });
        this.#holdings.set(task.version, { task: task.task, version: task.version, complete: true });
        const progress = { type: "progress", version: task.version, heldPieces: 1, complete: true };
        this.#supernodes.send({ ...progress, from: { peers: 0, supernode: task.length, origin: 0 } }, supernode.host);
        return;
      } catch (error) {
        if (error.retryAfterMs !== undefined) refusals++;
        else if (error.code !== "supernode-unreachable") {
          failures.set(error.code, `${error.code}: ${error.message}`);
          return;
        }
        await sleep(error.retryAfterMs ?? 100 + 200 * Math.random());
      }
    }
  }
}

const hosts = Array.from({ length: count }, (_, nth) => new Host(first + nth));

await obey({
  up: () => ({ up: hosts.filter(({ isUp }) => isUp).length }),
  work: () => {
    working = true;
    for (const host of hosts) void host.work();
  },
  /** Nothing new is asked; resolves when all that was asked is answered, or when patience is over. */
  rest: async ({ patienceMs }) => {
    working = false;
    const until = performance.now() + patienceMs;
    while (open.size > 0 && performance.now() < until) await sleep(50);
  },
  tell: () => ({ waits: waits.splice(0), unanswered: open.size, refusals, losses, failures: [...failures.values()] }),
});
