// A part of the hosts of `control`, in a process of its own: each a WebSocket that says what a daemon says and looks at answers only as far
// as it must, so that the supernode is what is measured.

import { createHash } from "node:crypto";
import { WebSocket } from "ws";
import { Sealing } from "../dist/wire/sealing.js";
import { obey } from "./crowd.js";

const { url, origin, tasks, first, count } = JSON.parse(process.argv[2] ?? "{}");
const control = `${url.replace("http", "ws")}/v1/control`;
/** Registrations without an answer at a time. */
const window = 200;
/** Hosts that dial at a time. */
const dials = 64;

/** @type {{ socket: WebSocket, sealing: Sealing }[]} */
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
    inParallel(tasks, window, (task) =>
      task % 2 === (first === 0 ? 0 : 1) ? register(task % count, task, 0) : undefined,
    ),
  /** Each host asks for one more task, another in each round. */
  register: (order) =>
    inParallel(order.count ?? hosts.length, window, (nth) => register(nth, taskOf(nth, order.round), order.round)),
  burst: async ({ round, count: size }) => {
    const waits = [];
    const one = async (nth) => {
      const begun = performance.now();
      await register(nth, taskOf(nth, round), round);
      waits.push(performance.now() - begun);
    };
    await Promise.all(Array.from({ length: size }, (_, nth) => one(nth)));
    return { waits };
  },
  count: () => ({ refused }),
};

await obey(orders);

function taskOf(nth, round) {
  return (first + nth + round * 37) % tasks;
}

function connect(nth) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(control, { perMessageDeflate: false });
    const sealing = new Sealing();
    hosts[nth] = { socket, sealing };
    socket.once("error", reject);
    socket.once("open", () => {
      const host = createHash("sha256")
        .update(`host ${first + nth}`)
        .digest("hex")
        .slice(0, 32);
      const address = `127.0.0.1:${1 + ((first + nth) % 60_000)}`;
      const hello = { type: "hello", protocol: 1, host, software: "bench", address, labels: {}, holdings: [] };
      socket.send(JSON.stringify({ ...hello, sealKey: sealing.publicKey }));
    });
    socket.on("message", (data) => {
      const head = data.subarray(0, 20).toString("latin1");
      if (head.startsWith('{"type":"welcome"')) {
        sealing.sealFor(JSON.parse(String(data)).sealKey);
        return resolve(undefined);
      }
      if (head.startsWith('{"type":"refused"')) refused++;
      else if (!head.startsWith('{"type":"task"')) return;
      answered[nth]?.();
    });
  });
}

function register(nth, task, round) {
  return new Promise((resolve) => {
    answered[nth] = resolve;
    const message = { type: "register", request: round, url: `${origin}/task-${task}`, headers: {} };
    const { socket, sealing } = hosts[nth] ?? {};
    socket?.send(JSON.stringify(sealing?.seal(message)));
  });
}

async function inParallel(total, width, work) {
  let next = 0;
  const worker = async () => {
    while (next < total) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, total) }, worker));
}
