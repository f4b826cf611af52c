// Clients that send nothing, or a byte now and then, for ever: every listener ends them, and serves others meanwhile.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type NetConnectOpts } from "node:net";
import { after, before, test } from "node:test";
import { ProcessSwarm } from "../testing/process-swarm.ts";

let swarm: ProcessSwarm;
let listeners: ReadonlyMap<string, NetConnectOpts>;

before(async () => {
  swarm = await ProcessSwarm.start({ daemonFlags: ["--proxy", "127.0.0.1:0"] });
  const at = (url: string): NetConnectOpts => ({ host: "127.0.0.1", port: Number(new URL(url).port) });
  const { proxyUrl, socket, daemon } = swarm.first;
  const pieces = /pieces (http:\S+),/.exec(String(daemon?.stdout))?.[1] ?? "";
  listeners = new Map([
    ["supernode", at(swarm.supernodeUrl)],
    ["pieces", at(pieces)],
    ["proxy", at(proxyUrl)],
    ["local API", { path: socket }],
  ]);
});
after(() => swarm.close());

const clients: readonly [name: string, begins: string, drips: string][] = [
  ["says nothing", "", ""],
  ["never ends its head", "GET /healthz HTTP/1.1\r\nHost: x\r\n", "X: y\r\n"],
  ["opens a channel and says no word", controlUpgrade(), ""],
];

test("every listener ends slow clients within their time and serves others meanwhile", async () => {
  const ends: Promise<void>[] = [];
  for (const [listener, options] of listeners) {
    for (const [name, begins, drips] of clients) {
      ends.push(endOf(`${listener}: ${name}`, options, { begins, drips }));
    }
  }
  assert.equal((await fetch(`${swarm.supernodeUrl}/healthz`)).status, 200);
  // There is no registry to mirror here, and that is said.
  await (await fetch(`${swarm.first.proxyUrl}/v2/`)).arrayBuffer();
  assert.match(await swarm.first.ask("/healthz"), /ok/);
  await Promise.all(ends);
});

/** Resolves when the server has ended it; the test's own time limit is the judge. */
async function endOf(
  name: string,
  options: NetConnectOpts,
  { begins, drips }: { readonly begins: string; readonly drips: string },
): Promise<void> {
  const startedMs = performance.now();
  const socket = connect(options);
  socket.on("error", () => {}).resume();
  socket.write(begins);
  const dripping = drips === "" ? undefined : setInterval(() => socket.write(drips), 300);
  await once(socket, "close");
  clearInterval(dripping);
  const seconds = (performance.now() - startedMs) / 1000;
  assert.ok(seconds < 30, `${name} was borne for ${seconds.toFixed(0)} s`);
}

function controlUpgrade(): string {
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const lines = ["GET /v1/control HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"];
  return [...lines, "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${key}`, "", ""].join("\r\n");
}
