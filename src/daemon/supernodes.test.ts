// A host's view of several real supernodes: who is asked for what, and what happens when they go and come.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { rankHomes } from "../core/homes.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import { parseSupernodeOptions } from "../runtime/config.ts";
import { silentLog } from "../runtime/log.ts";
import { Supernode } from "../supernode/supernode.ts";
import { freePort } from "../testing/free-port.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";
import { taskKey } from "../wire/task-key.ts";
import type { SupernodeIdentity } from "./supernode-link.ts";
import { type Registration, Supernodes, type SupernodesOptions } from "./supernodes.ts";

const signal = new AbortController().signal;

/** What happened, to be waited for. */
class Happenings {
  readonly up: SupernodeIdentity[] = [];
  readonly down: SupernodeIdentity[] = [];
  readonly settled: SupernodeIdentity[] = [];
  #wake: () => void = () => {};

  note(list: SupernodeIdentity[], supernode: SupernodeIdentity): void {
    list.push(supernode);
    this.#wake();
  }

  async until(happened: () => boolean): Promise<void> {
    while (!happened()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function stage(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "dragonfly-supernodes-"));
  const origin = await TestOrigin.start({ content: testContent(100_000) });
  const opened: { close(): unknown }[] = [origin];
  t.after(async () => {
    for (const one of opened.reverse()) await one.close();
    await rm(folder, { recursive: true });
  });
  const supernode = async (name: string, listen = "127.0.0.1:0") => {
    const started = await Supernode.start(
      parseSupernodeOptions({ listen, dataDir: join(folder, name), insecure: true, fetchRules: "allow 127.0.0.0/8" }),
    );
    opened.push(started);
    return started;
  };
  const client = (options: Pick<SupernodesOptions, "urls"> & Partial<SupernodesOptions>) => {
    const happenings = new Happenings();
    const supernodes = new Supernodes({
      host: "a".repeat(32) as HostId,
      software: "test",
      log: silentLog,
      introduce: () => ({ address: null, labels: {}, holdings: [] }),
      onNews: () => {},
      onIntroduced: () => {},
      onUp: (up) => happenings.note(happenings.up, up),
      onDown: (down) => happenings.note(happenings.down, down),
      onSettled: (settled) => happenings.note(happenings.settled, settled),
      settleMs: 2000,
      ...options,
    });
    opened.push(supernodes);
    supernodes.start();
    return { supernodes, happenings };
  };
  const task = (nth: number) => {
    const request = { url: origin.url(`/${nth}`), headers: {} };
    return { request, id: taskKey(request).id };
  };
  return { supernode, client, task, origin };
}

test("each task is asked of its home, of the next while that is away, and of the home again when it is back", async (t) => {
  const { supernode, client, task } = await stage(t);
  const both = await Promise.all([supernode("one"), supernode("two")]);
  const { supernodes, happenings } = client({ urls: both.map(({ url }) => url) });
  await happenings.until(() => happenings.up.length === 2);
  const askAll = async (): Promise<void> => {
    for (let nth = 0; nth < 8; nth++) {
      const { id, request } = task(nth);
      const [home] = rankHomes(
        id,
        supernodes.up.map(({ host }) => host),
      );
      assert.equal((await supernodes.register(id, request, { signal })).supernode.host, home);
    }
  };
  await askAll();
  const lost = both[0] as Supernode;
  await lost.close();
  await happenings.until(() => happenings.down.length === 1);
  assert.equal(supernodes.up.length, 1);
  await askAll();
  await supernode("one", new URL(lost.url).host);
  await happenings.until(() => happenings.up.length === 3);
  assert.equal(supernodes.up.length, 2);
  assert.equal(happenings.up[2]?.host, happenings.down[0]?.host);
  const [stayed] = happenings.up.filter(({ host }) => host !== happenings.down[0]?.host);
  for (let nth = 0; nth < 8; nth++) {
    const { id, request } = task(nth);
    const early = await supernodes.register(id, request, { signal });
    assert.equal(early.supernode.host, stayed?.host, "all hosts are to meet the other first");
  }
  await happenings.until(() => happenings.settled.length === 1);
  await askAll();
});

test("a supernode that is lost while it is asked, and is back at once, is asked again", async (t) => {
  const { supernode, client, task, origin } = await stage(t);
  const { supernodes, happenings } = client({ urls: [(await supernode("one")).url] });
  await happenings.until(() => happenings.up.length === 1);
  let letGo: () => void = () => {};
  const hold = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { id, request } = task(1);
  let registering: Promise<Registration> | undefined;
  await new Promise<void>((asked) => {
    origin.script = () => {
      asked();
      return { ...origin.answer, hold };
    };
    registering = supernodes.register(id, request, { signal });
  });
  const [{ host }] = supernodes.up as [SupernodeIdentity];
  supernodes.refuse(host, new DragonflyError("supernode-unreachable", "this breaks the channel"));
  await happenings.until(() => happenings.up.length === 2);
  letGo();
  assert.equal((await registering)?.supernode.host, host);
});

test("the next home of a task knows who holds it, and asks him when it stands in", async (t) => {
  const { supernode, client, task } = await stage(t);
  const both = await Promise.all([supernode("one"), supernode("two")]);
  let tellRecall: (version: VersionId) => void = () => {};
  const recalled = new Promise<VersionId>((resolve) => {
    tellRecall = resolve;
  });
  const onNews: SupernodesOptions["onNews"] = (news) => news.type === "recall" && tellRecall(news.version);
  const { supernodes, happenings } = client({ urls: both.map(({ url }) => url), onNews });
  await happenings.until(() => happenings.up.length === 2);
  const { id, request } = task(1);
  const { task: told, supernode: home } = await supernodes.register(id, request, { signal });
  supernodes.holds({ task: id, version: told.version, complete: true }, home.host);
  await both.find(({ url }) => url === home.url)?.close();
  await happenings.until(() => happenings.down.length === 1);
  const again = await supernodes.register(id, request, { signal });
  assert.notEqual(again.supernode.host, home.host);
  assert.equal(await recalled, told.version);
});

test("with no supernode left, one that was there a moment ago is waited for, and for no longer", async (t) => {
  const { supernode, client, task } = await stage(t);
  const only = await supernode("one");
  let failures = 0;
  let tellFailure: () => void = () => {};
  const log = { ...silentLog, warn: (message: string) => message === "supernode unreachable" && tellFailure() };
  const { supernodes, happenings } = client({ urls: [only.url], log });
  await happenings.until(() => happenings.up.length === 1);
  await only.close();
  await happenings.until(() => happenings.down.length === 1);
  const { id, request } = task(1);
  const registering = supernodes.register(id, request, { signal });
  await new Promise<void>((resolve) => {
    tellFailure = () => ++failures === 2 && resolve();
  });
  const back = await supernode("one", new URL(only.url).host);
  assert.equal((await registering).supernode.url, only.url);
  await back.close();
  await happenings.until(() => happenings.down.length === 2);
  await assert.rejects(supernodes.register(id, request, { signal }), { code: "supernode-unreachable" });
});

test("a supernode that is lost again and again is asked last for a while", async (t) => {
  const { supernode, client, task } = await stage(t);
  const both = await Promise.all([supernode("one"), supernode("two")]);
  const isolation = { afterFaults: 1, windowMs: 60_000, firstMs: 3_600_000, maxMs: 3_600_000, probationMs: 1 };
  const { supernodes, happenings } = client({ urls: both.map(({ url }) => url), isolation });
  await happenings.until(() => happenings.up.length === 2);
  const [lost, steady] = both;
  await lost?.close();
  await happenings.until(() => happenings.down.length === 1);
  await supernode("one", new URL(lost?.url ?? "").host);
  await happenings.until(() => happenings.up.length === 3);
  const askAll = async () => {
    const asked = new Set<string>();
    for (let nth = 0; nth < 8; nth++) {
      const { id, request } = task(nth);
      asked.add((await supernodes.register(id, request, { signal })).supernode.url);
    }
    return [...asked];
  };
  assert.deepEqual(await askAll(), [steady?.url]);
  // With nobody else it will do.
  await steady?.close();
  await happenings.until(() => happenings.down.length === 2);
  assert.deepEqual(await askAll(), [lost?.url]);
});

test("all addresses of a name are supernodes, and those that come and go with it", async (t) => {
  const { supernode, client } = await stage(t);
  const port = await freePort();
  let addresses = ["127.0.0.1", "127.0.0.2"];
  const first = await Promise.all([supernode("one", `127.0.0.1:${port}`), supernode("two", `127.0.0.2:${port}`)]);
  const resolve = async (name: string): Promise<string[]> => {
    assert.equal(name, "supernodes.example");
    return addresses;
  };
  const urls = [`http://supernodes.example:${port}`];
  const { supernodes, happenings } = client({ urls, resolve, resolveEveryMs: 20 });
  await happenings.until(() => happenings.up.length === 2);
  assert.deepEqual(supernodes.up.map(({ url }) => url).sort(), first.map(({ url }) => url).sort());

  await supernode("three", `127.0.0.3:${port}`);
  addresses = ["127.0.0.2", "127.0.0.3"];
  await happenings.until(() => happenings.up.length === 3);
  assert.equal(happenings.up[2]?.url, `http://127.0.0.3:${port}`);
  // It left the name: it is used as long as it is there, and not dialled again.
  await first[0]?.close();
  await happenings.until(() => happenings.down.length === 1);
  assert.equal(supernodes.up.length, 2);
});

test("two names of one supernode are one supernode", async (t) => {
  const { supernode, client, task } = await stage(t);
  const port = await freePort();
  await supernode("one", `0.0.0.0:${port}`);
  const { supernodes, happenings } = client({ urls: [`http://127.0.0.1:${port}`, `http://127.0.0.2:${port}`] });
  await happenings.until(() => happenings.up.length === 2);
  const { id, request } = task(1);
  await supernodes.register(id, request, { signal });
  assert.equal(supernodes.up.length, 1);
  assert.equal(new Set(happenings.up.map(({ host }) => host)).size, 1);
  assert.deepEqual(happenings.down, []);
});

test("a name that does not resolve is no supernode, until it does", async (t) => {
  const { supernode, client, task } = await stage(t);
  const { url } = await supernode("one");
  let found = false;
  const resolve = async (): Promise<string[]> => {
    if (found) return ["127.0.0.1"];
    throw new Error("ENOTFOUND");
  };
  const urls = [`http://supernodes.example:${new URL(url).port}`];
  const { supernodes, happenings } = client({ urls, resolve, resolveEveryMs: 20 });
  const { id, request } = task(1);
  await assert.rejects(supernodes.register(id, request, { signal }), { code: "supernode-unreachable" });
  found = true;
  await happenings.until(() => happenings.up.length === 1);
  assert.equal((await supernodes.register(id, request, { signal })).supernode.url, url);
});

test("the homes of versions say which of them nobody else holds; one that is away says nothing", async (t) => {
  const { supernode, client, task } = await stage(t);
  const both = await Promise.all([supernode("one"), supernode("two")]);
  const versions = Array.from({ length: 8 }, (_, nth) => ({
    id: `${nth}`.repeat(64) as VersionId,
    taskId: task(nth).id,
  }));
  const holdings = versions.map(({ id, taskId }) => ({ task: taskId, version: id, complete: true }));
  const urls = both.map(({ url }) => url);
  const own = client({ urls, introduce: () => ({ address: null, labels: {}, holdings }) });
  await own.happenings.until(() => own.happenings.up.length === 2);
  assert.deepEqual(await own.supernodes.lastCopies(versions), new Set(versions.map(({ id }) => id)));
  const introduce = () => ({ address: null, labels: {}, holdings: holdings.slice(0, 5) });
  const other = client({ urls, host: "b".repeat(32) as HostId, introduce });
  await other.happenings.until(() => other.happenings.up.length === 2);
  const left = await own.supernodes.lastCopies(versions);
  assert.deepEqual(left, new Set(versions.slice(5).map(({ id }) => id)));
  for (const one of both) await one.close();
  await own.happenings.until(() => own.happenings.down.length === 2);
  assert.deepEqual(await own.supernodes.lastCopies(versions), new Set());
});
