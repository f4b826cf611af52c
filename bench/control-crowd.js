// A part of the hosts of `control`, in a process of its own: each says what a daemon says, sealed before it is measured, and looks at answers
// only as far as it must, so that the supernode is what is measured.

import { createHash } from "node:crypto";
import { Sealing } from "../dist/wire/sealing.js";
import { BareChannel, frame } from "./bare-channel.js";
import { obey } from "./crowd.js";

const { url, origin, tasks, first, count } = JSON.parse(process.argv[2] ?? "{}");
const control = `${url}/v1/control`;
/** Registrations without an answer at a time. */
const window = 200;
/** Hosts that dial at a time. */
const dials = 64;

/** @type {{ channel: BareChannel, sealing: Sealing, registrations: Buffer[] }[]} */
const hosts = [];
/** Resolves the registration that a host has running. @type {(() => void)[]} */
const answered = [];
let refused = 0;

const orders = {
  connect: async (order) => {
    const from = hosts.length;
    await inParallel(Math.min(count, order.count ?? count) - from, dials, (nth) => connect(from + nth));
  },
  /** Each task's first registration makes the supernode ask the origin; the crowds share the tasks. */
  "open-tasks": () =>
    inParallel(tasks, window, (task) => {
      if (task % 2 !== (first === 0 ? 0 : 1)) return undefined;
      prepare(task % count, task, 0);
      return register(task % count);
    }),
  /** Each host will ask for one more task, another in each round. */
  prepare: ({ round, count: size = hosts.length }) => {
    for (let nth = 0; nth < size; nth++) prepare(nth, (first + nth + round * 37) % tasks, round);
  },
  /** What was prepared. */
  register: (order) => inParallel(order.count ?? hosts.length, window, register),
  burst: async ({ count: size }) => {
    const waits = [];
    const one = async (nth) => {
      const begun = performance.now();
      await register(nth);
      waits.push(performance.now() - begun);
    };
    await Promise.all(Array.from({ length: Math.min(size, hosts.length) }, (_, nth) => one(nth)));
    return { waits };
  },
  count: () => ({ refused }),
};

await obey(orders);

async function connect(nth) {
  const sealing = new Sealing();
  let welcomed = (_welcome) => {};
  const welcome = new Promise((resolve) => {
    welcomed = resolve;
  });
  const channel = await BareChannel.open(control, (data) => {
    const head = data.latin1Slice(0, 17);
    if (head.startsWith('{"type":"welcome"')) return welcomed(JSON.parse(String(data)));
    if (head.startsWith('{"type":"refused"')) refused++;
    else if (!head.startsWith('{"type":"task"')) return;
    answered[nth]?.();
  });
  const host = createHash("sha256")
    .update(`host ${first + nth}`)
    .digest("hex")
    .slice(0, 32);
  const address = `127.0.0.1:${1 + ((first + nth) % 60_000)}`;
  const hello = { type: "hello", protocol: 1, host, software: "bench", address, labels: {}, holdings: [] };
  channel.send(frame({ ...hello, sealKey: sealing.publicKey }));
  sealing.sealFor((await welcome).sealKey);
  hosts[nth] = { channel, sealing, registrations: [] };
}

/** Makes the host's next registration. */
function prepare(nth, task, round) {
  const message = { type: "register", request: round, url: `${origin}/task-${task}`, headers: {} };
  hosts[nth]?.registrations.push(frame(hosts[nth].sealing.seal(message)));
}

/** Sends it. */
function register(nth) {
  return new Promise((resolve) => {
    answered[nth] = resolve;
    const { channel, registrations } = hosts[nth] ?? {};
    channel?.send(registrations.shift());
  });
}

async function inParallel(total, width, work) {
  let next = 0;
  const worker = async () => {
    while (next < total) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, total) }, worker));
}
