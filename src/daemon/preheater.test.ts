import assert from "node:assert/strict";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import type { TaskId, VersionId } from "../core/ids.ts";
import { silentLog } from "../runtime/log.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { type FromDaemon, type FromDaemonOf, type FromSupernodeOf, maxOrders } from "../wire/control.ts";
import { taskKey } from "../wire/task-key.ts";
import { Preheater } from "./preheater.ts";

import { Transfer } from "./transfer.ts";
import type { Ticket, Transfers } from "./transfers.ts";

const pieceLength = 65_536;

/** A host whose downloads begin when they are asked for and end when the test says so. */
function stage(quotaBytes = 0) {
  const store = new MemoryStore({ quotaBytes });
  const transfers = new Map<string, Transfer>();
  const said: FromDaemon[] = [];
  let working = 0;
  const open: Transfers["open"] = async ({ url, headers }): Promise<Ticket> => {
    const { id: taskId } = taskKey({ url, headers });
    const id = taskId.replace(/^../, "ff") as string as VersionId;
    const holding = await store.create({ id, taskId: taskId as TaskId, url, length: pieceLength, pieceLength });
    if (holding.state === "complete") return { holding, transfer: undefined, displayUrl: url, note: undefined };
    const transfer = new Transfer(holding);
    transfers.set(url, transfer);
    return { holding, transfer, displayUrl: url, note: undefined };
  };
  const preheater = new Preheater({
    transfers: { open },
    store,
    quotaBytes,
    send: (message) => void said.push(message),
    busy: () => {
      working++;
      return () => working--;
    },
    log: silentLog,
  });
  return {
    preheater,
    transfers,
    store,
    working: () => working,
    order: (order: number, url = `http://h/${order}`): void => preheater.hear(orderOf(order, url)),
    served: (): readonly FromDaemonOf<"served">[] => said.filter((message) => message.type === "served"),
    /** All bytes of it have come. */
    complete: async (url: string): Promise<void> => {
      const transfer = transfers.get(url) ?? assert.fail(`nobody fetches ${url}`);
      await transfer.holding.write(0, Buffer.alloc(pieceLength), Buffer.alloc(32));
      await transfer.holding.finish(pieceLength, undefined);
      transfer.succeed();
    },
  };
}

function orderOf(order: number, url: string): FromSupernodeOf<"serve"> {
  return { type: "serve", order, url, headers: {}, length: pieceLength };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("two orders are carried out at a time, in turn, and each is answered once it is over", async () => {
  const { order, transfers, complete, served, working } = stage();
  for (const number of [1, 2, 3]) order(number);
  await settled();
  assert.deepEqual([...transfers.keys()], ["http://h/1", "http://h/2"]);
  assert.equal(working(), 2);
  await complete("http://h/2");
  await settled();
  assert.deepEqual(served(), [{ type: "served", order: 2, bytes: pieceLength }]);
  assert.deepEqual([...transfers.keys()], ["http://h/1", "http://h/2", "http://h/3"]);
  await complete("http://h/1");
  await complete("http://h/3");
  await settled();
  assert.deepEqual(
    served().map(({ order, error }) => [order, error]),
    [2, 1, 3].map((number) => [number, undefined]),
  );
  assert.equal(working(), 0);
});

test("what is here already is told so at once", async () => {
  const { order, complete, served } = stage();
  order(1, "http://h/same");
  await settled();
  await complete("http://h/same");
  order(2, "http://h/same");
  await settled();
  assert.deepEqual(served().at(-1), { type: "served", order: 2, bytes: pieceLength });
});

test("a cancelled order ends, whether it waits or runs, and one that others want goes on for them", async () => {
  const { order, preheater, transfers, served } = stage();
  for (const number of [1, 2, 3]) order(number);
  await settled();
  transfers.get("http://h/2")?.use();
  for (const number of [3, 1, 2]) preheater.hear({ type: "serve-cancelled", order: number });
  await settled();
  assert.deepEqual(
    served().map(({ order, error }) => [order, error?.code]),
    [3, 1, 2].map((number) => [number, "interrupted"]),
  );
  assert.equal(transfers.get("http://h/1")?.state, "failed");
  assert.equal(transfers.get("http://h/2")?.state, "running");
  assert.ok(!transfers.has("http://h/3"));
});

test("a download that fails is answered with its error", async () => {
  const { order, transfers, served } = stage();
  order(1);
  await settled();
  transfers.get("http://h/1")?.fail(new DragonflyError("origin-truncated", "too short"));
  await settled();
  assert.deepEqual([served()[0]?.error?.code, served()[0]?.error?.blame], ["origin-truncated", "origin"]);
});

test("a full quota refuses, counting what is promised to orders that run", async () => {
  const { order, transfers, complete, served, store } = stage(2 * pieceLength);
  order(1);
  order(2);
  await settled();
  assert.equal(transfers.size, 2);
  await complete("http://h/1");
  await settled();
  order(3);
  await settled();
  assert.deepEqual(
    served().map(({ order, error }) => [order, error?.code]),
    [
      [1, undefined],
      [3, "no-space"],
    ],
  );
  await complete("http://h/2");
  assert.equal([...store.all()].length, 2, "nothing was thrown out");
});

test("with the supernode gone its orders end unanswered, and new ones find room", async () => {
  const { order, preheater, transfers, served } = stage();
  for (const number of [1, 2, 3]) order(number);
  await settled();
  preheater.supernodeLost();
  await settled();
  assert.deepEqual(
    [...transfers.values()].map(({ state }) => state),
    ["failed", "failed"],
  );
  assert.deepEqual(served(), []);
  order(4);
  await settled();
  assert.equal(transfers.get("http://h/4")?.state, "running");
});

test("too many orders are refused", async () => {
  const { order, served } = stage();
  for (let number = 0; number <= maxOrders; number++) order(number);
  assert.deepEqual(
    served().map(({ order, error }) => [order, error?.code]),
    [[maxOrders, "overloaded"]],
  );
});
