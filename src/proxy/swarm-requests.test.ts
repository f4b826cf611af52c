// Requests that a rule gives to the swarm, through a daemon that has a supernode beside it, and an origin that is told what to do.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, afterEach, before, test } from "node:test";
import { Daemon } from "../daemon/daemon.ts";
import { type DoorRequest, HttpDoor } from "../net/http-door.ts";
import { parseDaemonOptions, parseSupernodeOptions } from "../runtime/config.ts";
import { Supernode } from "../supernode/supernode.ts";
import { Program } from "../testing/program.ts";
import { type TestAnswer, TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(1_500_003);
let directory: string;
let origin: TestOrigin;
let supernode: Supernode;
let daemons: readonly Daemon[];
let doors: readonly HttpDoor[];
/** What the origin has, or does, at each path. */
const site = new Map<string, TestAnswer>();
let nextPath = 0;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "proxy-swarm-"));
  origin = await TestOrigin.start({ script: (_nth, { url }) => site.get(url) ?? { status: 404 } });
  supernode = await Supernode.start(
    parseSupernodeOptions({ listen: "127.0.0.1:0", dataDir: join(directory, "seed"), freshness: "0s" }),
  );
  daemons = await Promise.all(
    ["a", "b"].map((name) =>
      Daemon.start(
        parseDaemonOptions({
          ...{ listen: "127.0.0.1:0", proxy: "127.0.0.1:0", supernodes: [supernode.url] },
          ...{ socket: join(directory, `${name}.sock`), dataDir: join(directory, name) },
          proxyRules: [
            { match: "/refused/", use: "refuse" },
            { match: "/direct/", use: "direct" },
            { match: "^http://elsewhere\\.test/", use: "swarm", rewrite: { host: `127.0.0.1:${origin.port}` } },
            { match: "/swarm/", use: "swarm" },
          ],
        }),
      ),
    ),
  );
  doors = daemons.map(({ proxyUrl }) => new HttpDoor({ environment: { http_proxy: proxyUrl ?? "" } }));
});
afterEach(() => site.clear());
after(async () => {
  for (const door of doors) await door.close();
  for (const daemon of daemons) await daemon.close();
  await supernode.close();
  await origin.close();
  await rm(directory, { recursive: true });
});

async function ask(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  more: DoorRequest & { by?: number } = {},
) {
  const { by = 0, ...request } = more;
  const door = doors[by];
  assert.ok(door);
  const url = path.startsWith("/") ? origin.url(path) : path;
  const answer = await door.request(url, { headers, ...request });
  return { status: answer.status, headers: answer.headers, body: await buffer(answer.body) };
}

/** A path that no other test has asked for, and what is there. */
function fresh(answer: TestAnswer = {}): string {
  const path = `/swarm/${nextPath++}`;
  site.set(path, { content, ...answer });
  return path;
}

/** URLs of what the supernode distributes. */
async function kept(): Promise<readonly string[]> {
  const door = new HttpDoor();
  const { body } = await door.request(`${supernode.url}/api/v1/tasks`);
  const { tasks } = JSON.parse(String(await buffer(body)));
  await door.close();
  return tasks.map(({ url }: { readonly url: string }) => url);
}

const requestsFor = (path: string): number => origin.requests.filter(({ url }) => url === path).length;
const sentFor = (path: string): number =>
  origin.requests.filter(({ url }) => url === path).reduce((sum, { sentBytes }) => sum + sentBytes, 0);

test("two hosts read a file, the origin sends it once, and its headers come with it", async () => {
  const described = {
    "content-type": "application/zip",
    "content-disposition": 'attachment; filename="a b.zip"',
    "cache-control": "max-age=60",
    "set-cookie": "of=ada",
  };
  const path = fresh({ headers: described, etag: '"v1"', lastModified: "Tue, 01 Oct 2024 10:00:00 GMT" });
  for (const by of [0, 1, 0]) {
    const { status, headers, body } = await ask(path, {}, { by });
    assert.equal(status, 200);
    assert.ok(body.equals(content));
    assert.equal(headers["content-type"], "application/zip");
    assert.equal(headers["content-disposition"], described["content-disposition"]);
    assert.equal(headers["cache-control"], "max-age=60");
    assert.deepEqual([headers.etag, headers["last-modified"]], ['"v1"', "Tue, 01 Oct 2024 10:00:00 GMT"]);
    assert.deepEqual([headers["content-length"], headers["accept-ranges"]], [String(content.length), "bytes"]);
    assert.equal(headers["set-cookie"], undefined);
    assert.match(String(headers.via), /^1\.1 dragonfly-/);
  }
  assert.equal(sentFor(path), content.length);
});

test("many ask at once for what nobody has, and the origin sends it once", async () => {
  const path = fresh();
  const asked = Array.from({ length: 24 }, (_, nth) => ask(path, {}, { by: nth % 2 }));
  for (const { status, body } of await Promise.all(asked))
    assert.deepEqual([status, body.equals(content)], [200, true]);
  assert.equal(sentFor(path), content.length);
});

test("ranges, also with If-Range by etag and by date", async () => {
  const date = "Tue, 01 Oct 2024 10:00:00 GMT";
  const path = fresh({ etag: '"v1"', lastModified: date });
  const part = await ask(path, { range: "bytes=1000000-1000009" });
  assert.deepEqual([part.status, part.headers["content-range"]], [206, `bytes 1000000-1000009/${content.length}`]);
  assert.ok(part.body.equals(content.subarray(1_000_000, 1_000_010)));
  const last = { range: "bytes=-1" };
  for (const [ifRange, status] of [
    ['"v1"', 206],
    [date, 206],
    ['"v0"', 200],
    ["Tue, 01 Oct 2019 10:00:00 GMT", 200],
  ] as const) {
    assert.equal((await ask(path, { ...last, "if-range": ifRange })).status, status, ifRange);
  }
  const beyond = await ask(path, { range: `bytes=${content.length}-` });
  assert.deepEqual([beyond.status, beyond.headers["content-range"]], [416, `bytes */${content.length}`]);
});

test("a range of what is still on its way comes before the rest", async () => {
  const path = fresh({ stallAfterBytes: 300_000 });
  const { status, body } = await ask(path, { range: "bytes=100-199" });
  assert.deepEqual([status, body.equals(content.subarray(100, 200))], [206, true]);
});

test("conditions are answered, and changed content is noticed", async () => {
  const date = "Tue, 01 Oct 2024 10:00:00 GMT";
  const path = fresh({ etag: '"v1"', lastModified: date, headers: { "cache-control": "max-age=9" } });
  await ask(path);
  for (const condition of [{ "if-none-match": '"v0", W/"v1"' }, { "if-modified-since": date }]) {
    const { status, headers, body } = await ask(path, condition);
    assert.deepEqual([status, body.length, headers.etag, headers["cache-control"]], [304, 0, '"v1"', "max-age=9"]);
  }
  assert.equal((await ask(path, { "if-none-match": '"v0"', "if-modified-since": date })).status, 200);
  const changed = testContent(400_000, 5);
  site.set(path, { content: changed, etag: '"v2"', lastModified: "Wed, 02 Oct 2024 10:00:00 GMT" });
  const now = await ask(path, { "if-none-match": '"v1"' });
  assert.deepEqual([now.status, now.headers.etag, now.body.equals(changed)], [200, '"v2"', true]);
});

test("what is coded without being asked stays what it is, and what has no length comes whole", async () => {
  const path = fresh({ headers: { "content-encoding": "gzip", vary: "Accept-Encoding" } });
  const { headers, body } = await ask(path, { "accept-encoding": "gzip" });
  assert.deepEqual([headers["content-encoding"], body.equals(content)], ["gzip", true]);
  assert.equal(origin.requests.at(-1)?.headers["accept-encoding"], "identity");
  const endless = fresh({ chunked: true, ranges: false });
  const whole = await ask(endless, { range: "bytes=0-9" });
  assert.deepEqual([whole.status, whole.body.equals(content)], [200, true]);
});

test("rules decide: refused, direct, rewritten", async () => {
  const refused = await ask("/refused/x");
  assert.equal(refused.status, 403);
  assert.equal(JSON.parse(refused.body.toString()).code, "rule-refused");
  assert.equal(requestsFor("/refused/x"), 0);
  site.set("/direct/swarm/x", { content });
  for (const by of [0, 1]) assert.ok((await ask("/direct/swarm/x", {}, { by })).body.equals(content));
  assert.equal(sentFor("/direct/swarm/x"), 2 * content.length);
  site.set("/file?q=%20", { content });
  for (const by of [0, 1]) assert.ok((await ask("http://elsewhere.test/file?q=%20", {}, { by })).body.equals(content));
  assert.equal(sentFor("/file?q=%20"), content.length);
});

test("HEAD, POST and who wants no cache are the origin's", async () => {
  const path = fresh({ headers: { "x-own": "yes" } });
  const head = await ask(path, {}, { method: "HEAD" });
  assert.deepEqual(
    [head.status, head.headers["content-length"], head.headers["x-own"]],
    [200, String(content.length), "yes"],
  );
  assert.equal((await ask(path, {}, { method: "POST", body: "x" })).headers["x-own"], "yes");
  assert.equal((await ask(path, { "cache-control": "no-store" })).headers["x-own"], "yes");
  assert.equal((await ask(path, { pragma: "no-cache" })).headers["x-own"], "yes");
  assert.equal((await ask(path)).headers["x-own"], undefined);
});

test("what the origin does not want to be kept is not given to others", async () => {
  const other = fresh();
  await ask(other);
  assert.ok((await kept()).some((url) => url.endsWith(other)));
  for (const headers of [{ "cache-control": "no-store" }, { "cache-control": "private" }, { vary: "Accept" }]) {
    const path = fresh({ headers: { ...headers, "x-own": "yes" }, etag: null, lastModified: null });
    for (const by of [0, 0, 1]) {
      const answer = await ask(path, {}, { by });
      assert.deepEqual([answer.status, answer.headers["x-own"], answer.body.equals(content)], [200, "yes", true]);
    }
    // Each host's first one shows what the origin wants.
    assert.equal(requestsFor(path), 3 + 2);
    assert.ok(!(await kept()).some((url) => url.endsWith(path)), "the supernode keeps nothing of it");
  }
});

test("a dfget is given what the proxy would not share, and leaves the proxy at that", async () => {
  const path = fresh({ headers: { "cache-control": "no-store", "x-own": "yes" }, etag: '"v1"' });
  assert.equal((await ask(path)).headers["x-own"], "yes");
  const before = sentFor(path);
  for (const name of ["a", "b"]) {
    const flags = ["--socket", join(directory, `${name}.sock`), "-q", "-o", join(directory, `${name}.bin`)];
    assert.equal((await new Program("dfget", [origin.url(path), ...flags], { cwd: directory }).ended).exit, 0);
  }
  assert.equal(sentFor(path) - before, content.length);
  for (const by of [0, 1]) assert.equal((await ask(path, {}, { by })).headers["x-own"], "yes");
});

test("private content is read once, and given to those alone whom the origin gives it to", async () => {
  const path = fresh({ requires: ["authorization", "Bearer ada"], headers: { "cache-control": "private" } });
  const ada = { authorization: "Bearer ada" };
  for (const by of [0, 1]) assert.ok((await ask(path, ada, { by })).body.equals(content));
  assert.equal(sentFor(path), content.length);
  for (const headers of [{}, { authorization: "Bearer eve" }]) {
    const { status, body } = await ask(path, headers);
    assert.equal(status, 401);
    assert.ok(body.length < 1000);
  }
  assert.equal((await ask(path, ada)).status, 200);
});

test("what differs from run to run does not make another reader of the same one", async () => {
  const path = fresh();
  for (const [nth, by] of [0, 1, 0].entries()) {
    const headers = { "npm-session": `run ${nth}`, "x-amzn-trace-id": `Root=${nth}`, "user-agent": `tool/${nth}` };
    assert.equal((await ask(path, headers, { by })).status, 200);
  }
  assert.ok(origin.requests.every(({ headers }) => headers["npm-session"] === undefined));
  assert.equal(sentFor(path), content.length);
});

test("the origin's refusals come as they are, with its own words", async () => {
  const path = fresh({ status: 404, headers: { "x-own": "yes" } });
  const gone = await ask(path);
  assert.deepEqual([gone.status, gone.headers["x-own"]], [404, "yes"]);
  const busy = fresh({ status: 429, headers: { "retry-after": "0" } });
  const [late, away] = await Promise.all([ask(busy), ask("http://127.0.0.1:1/swarm/x")]);
  assert.equal(late.status, 429);
  assert.equal(away.status, 502);
  assert.equal(JSON.parse(away.body.toString()).code, "origin-unreachable");
});

test("what a supernode or a daemon asks for is the origin's, however it comes here", async () => {
  const path = fresh({ headers: { "x-own": "yes" } });
  assert.equal((await ask(path, { via: "1.0 squid, 1.1 dragonfly" })).headers["x-own"], "yes");
  const proxied = new HttpDoor({ environment: { http_proxy: daemons[0]?.proxyUrl ?? "" }, pseudonym: "dragonfly" });
  const { headers, body } = await proxied.request(origin.url(path));
  await buffer(body);
  await proxied.close();
  assert.equal(headers["x-own"], "yes");
});

test("a download that breaks breaks the connection", async () => {
  const path = fresh({ announcedLength: content.length + 10, ranges: false });
  await assert.rejects(ask(path));
});
