import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { EventStream } from "./event-stream.ts";

test("a reader that takes nothing is behind, is stuck in the end, and is neither once it has read on", async (t) => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const request = get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", agent: false });
  const [, response] = await once(server, "request");
  let closed = false;
  const stream = new EventStream(response, () => {
    closed = true;
  });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  assert.equal(answer.headers["content-type"], "text/event-stream; charset=utf-8");
  answer.pause();
  for (let sent = 0; sent < 4096 && !stream.behind; sent++) {
    stream.send(`data: ${"x".repeat(65_536)}\n\n`);
    await turn();
  }
  assert.deepEqual([stream.isStuck(0), stream.isStuck(30_000), stream.isStuck(30_001)], [false, false, true]);
  answer.resume();
  while (stream.behind) await once(answer, "data");
  assert.equal(stream.isStuck(99_999), false);
  stream.close();
  await once(response, "close");
  assert.equal(closed, true);
});
