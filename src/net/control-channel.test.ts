// A control channel whose other end may be there or not.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import type { DragonflyError } from "../core/error.ts";
import { ControlChannel, dialControl, heartbeatMs } from "./control-channel.ts";

const unexpected = (): never => assert.fail("nothing was said");

/** A channel to one who answers pings or does not, and what it ends with. */
async function dial(t: TestContext, { answers }: { readonly answers: boolean }) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, autoPong: answers });
  await once(server, "listening");
  const { port } = server.address() as { readonly port: number };
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(socket, "open");
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  let channel: ControlChannel<never, { readonly type: string }> | undefined;
  const closed = new Promise<DragonflyError | undefined>((resolve) => {
    channel = new ControlChannel(socket, unexpected, { message: unexpected, closed: resolve });
  });
  return { socket, channel: channel as NonNullable<typeof channel>, closed };
}

test("who is doubted and does not answer is gone long before silence would tell; who answers stays", async (t) => {
  const [doubted, quiet, present] = await Promise.all([
    dial(t, { answers: false }),
    dial(t, { answers: false }),
    dial(t, { answers: true }),
  ]);
  doubted.channel.probe();
  doubted.channel.probe();
  present.channel.probe();
  const error = await doubted.closed;
  assert.match(error?.message ?? "", /fell silent/);
  assert.equal(quiet.channel.open, true, "nobody doubted this one");
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(present.channel.open, true);
});

test("who answers each ping is kept, who answers none is gone at the fifth beat", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const [present, silent] = await Promise.all([dial(t, { answers: true }), dial(t, { answers: false })]);
  const { mock: pings } = t.mock.method(present.socket, "ping");
  const beat = async (): Promise<void> => {
    const before = pings.callCount();
    t.mock.timers.tick(heartbeatMs);
    if (pings.callCount() > before) await once(present.socket, "pong");
  };
  for (let nth = 1; nth <= 4; nth++) await beat();
  assert.equal(silent.channel.open, true);
  for (let nth = 5; nth <= 12; nth++) await beat();
  assert.match((await silent.closed)?.message ?? "", /fell silent/);
  assert.equal(present.channel.open, true);
  assert.ok(pings.callCount() > 0, "it was asked");
});

/** A port of a process that is stopped and has no room for another connection: what is sent there is lost, as on a cut link. */
async function unanswering(t: TestContext): Promise<number> {
  const listen =
    "require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},function(){console.log(this.address().port)})";
  const listener = spawn(process.execPath, ["-e", listen], { stdio: ["ignore", "pipe", "inherit"] });
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    listener.kill("SIGKILL");
  });
  const [said] = await once(listener.stdout, "data");
  const port = Number(said);
  listener.kill("SIGSTOP");
  for (;;) {
    const socket = connect({ host: "127.0.0.1", port }).on("error", () => {});
    sockets.push(socket);
    const taken = await Promise.race([once(socket, "connect"), new Promise((resolve) => setTimeout(resolve, 500))]);
    if (taken === undefined) return port;
  }
}

test("a connection that nobody takes is given up when it is said so, one that is taken is not", async (t) => {
  const lost = new AbortController();
  const dialling = dialControl(`http://127.0.0.1:${await unanswering(t)}`, {
    timeoutMs: 60_000,
    unanswered: lost.signal,
  });
  lost.abort();
  await assert.rejects(dialling, { code: "supernode-unreachable", message: /does not take the connection/ });

  const silent = createServer().listen(0, "127.0.0.1");
  t.after(() => silent.close());
  await once(silent, "listening");
  const { port } = silent.address() as { readonly port: number };
  const busy = new AbortController();
  const waiting = dialControl(`http://127.0.0.1:${port}`, { timeoutMs: 1000, unanswered: busy.signal });
  const [socket] = await once(silent, "connection");
  t.after(() => socket.destroy());
  setTimeout(() => busy.abort(), 100);
  await assert.rejects(waiting, { code: "supernode-unreachable", message: /handshake has timed out/ });
});
