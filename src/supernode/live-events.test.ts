// What onlookers see of a real supernode with daemons that the test plays.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseSupernodeOptions } from "../runtime/config.ts";
import { EventReader } from "../testing/event-reader.ts";
import { ScriptedDaemon } from "../testing/scripted-daemon.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";
import { Supernode } from "./supernode.ts";

const content = testContent(300_000);

async function stage(t: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), "dragonfly-live-"));
  const origin = await TestOrigin.start({ content });
  const supernode = await Supernode.start(parseSupernodeOptions({ listen: "127.0.0.1:0", dataDir }));
  const readers: EventReader[] = [];
  t.after(async () => {
    for (const reader of readers) reader.close();
    await supernode.close();
    await origin.close();
    await rm(dataDir, { recursive: true });
  });
  const { url } = supernode;
  return {
    url,
    join: async (name: string) => {
      const daemon = await ScriptedDaemon.join(url, name);
      daemon.register(1, origin.url("/a"));
      return { daemon, task: await daemon.hears("task") };
    },
    watch: async (query = "") => {
      const reader = await EventReader.open(url, query);
      readers.push(reader);
      return reader;
    },
  };
}

test("an onlooker sees hosts come, the task, and what was saved at the origin", async (t) => {
  const { join, watch } = await stage(t);
  const reader = await watch("?hosts");
  const before = await reader.sees(({ cluster }) => cluster);
  assert.deepEqual(before.hosts, { connected: 0, isolated: 0 });
  const { daemon, task } = await join("1");
  await reader.sees(({ cluster }) => cluster?.tasks[task.task]?.state === "complete");
  const from = { peers: 200_000, supernode: 100_000, origin: 0 };
  daemon.send({ type: "progress", version: task.version, heldPieces: 5, from, complete: true });
  const after = await reader.sees(({ cluster }) => cluster?.day.peers === 200_000 && cluster);
  assert.deepEqual(after.day, { ...from, read: content.length });
  assert.deepEqual(Object.values(after.quarters), [[200_000, 100_000, 0, content.length]]);
  assert.equal(after.hosts.connected, 1);
  const host = await reader.sees(({ hosts }) => hosts?.hosts[daemon.host]?.complete === 1 && hosts.hosts[daemon.host]);
  assert.deepEqual(host.bytes, from);
});

test("hosts tell more of a task while it is looked at, and as usual again afterwards", async (t) => {
  const { join, watch } = await stage(t);
  const first = await join("1");
  const { task, version } = first.task;
  const reader = await watch(`?task=${task}`);
  assert.ok((await first.daemon.hears("watch")).everyMs > 0);
  const second = await join("2");
  await second.daemon.hears("watch");
  const detail = {
    stride: 1,
    cells: 5,
    held: "Aw==",
    givers: [[second.daemon.host, 131_072]] as [typeof second.daemon.host, number][],
  };
  const from = { peers: 131_072, supernode: 0, origin: 0 };
  first.daemon.send({ type: "progress", version, heldPieces: 2, from, complete: false, detail });
  const seen = await reader.sees(
    ({ task: live }) => !live?.gone && live?.hosts[first.daemon.host]?.map !== undefined && live,
  );
  const { rate, leftMs, ...told } = seen.hosts[first.daemon.host] ?? assert.fail();
  const givers = { [second.daemon.host]: [131_072, 0] };
  assert.deepEqual(told, { address: "127.0.0.1:20001", state: "fetching", held: 2, bytes: from, map: "Aw==", givers });
  assert.deepEqual([seen.pieces, seen.cells, seen.stride], [5, 5, 1]);
  reader.close();
  await first.daemon.hears("watch", ({ everyMs }) => everyMs === 0);
});

test("a task that is not there is said to be gone, and what is no id is refused", async (t) => {
  const { url, watch } = await stage(t);
  const reader = await watch(`?task=${"0".repeat(64)}`);
  await reader.sees(({ task }) => task?.gone);
  assert.equal((await fetch(`${url}/api/v1/events?task=nonsense`)).status, 400);
});

test("onlookers have a limit", async (t) => {
  const { url, watch } = await stage(t);
  for (let nth = 0; nth < 64; nth++) await watch();
  const refused = await fetch(`${url}/api/v1/events`);
  assert.equal(refused.status, 503);
  assert.equal(((await refused.json()) as { code: string }).code, "overloaded");
});
