// A control channel whose other end may be there or not.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import type { DragonflyError } from "../core/error.ts";
import { ControlChannel, heartbeatMs } from "./control-channel.ts";

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
