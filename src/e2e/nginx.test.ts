// nginx as the origin, one host and four at once.

import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Nginx } from "../testing/nginx.ts";
import { refused, sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const MIB = 2 ** 20;
const { missing: skip } = Nginx;
const login = "Authorization: Basic YWRhOnNlc2FtZQ==";
let nginx: Nginx;
let swarm: ProcessSwarm;
let elsewhere: TestOrigin;

before(async () => {
  if (skip) return;
  elsewhere = await TestOrigin.start({ host: "127.0.0.2", content: testContent(MIB, 9) });
  const locations = `location /moved/ { return 302 ${elsewhere.url("/there")}; }`;
  [nginx, swarm] = await Promise.all([
    Nginx.start({ login: "ada:sesame", locations }),
    ProcessSwarm.start({ hosts: 4, supernodeFlags: ["--freshness", "0s"] }),
  ]);
});
after(() => Promise.all([nginx?.close(), swarm?.close(), elsewhere?.close()]));

for (const [name, length] of [
  ["nothing at all", 0],
  ["one byte", 1],
  ["one byte less than a MiB", MIB - 1],
  ["20 MiB", 20 * MIB],
] as const) {
  test(`${name} arrives on one host, then on four at once, read from nginx once`, { skip }, async () => {
    const content = testContent(length, length + 1);
    const file = `${length}.bin`;
    await nginx.put(file, content);
    const seen = (await nginx.requests()).length;

    succeeded(await swarm.first.get(nginx.url(`/${file}`)));
    assert.equal(await sha256OfFile(swarm.first.path(file)), sha256(content));
    assert.equal(await nginx.sentBytes(seen), length);

    await nginx.put(`again-${file}`, content);
    const before = (await nginx.requests()).length;
    for (const outcome of await swarm.getOnAll(nginx.url(`/again-${file}`))) succeeded(outcome);
    for (const host of swarm.hosts) assert.equal(await sha256OfFile(host.path(`again-${file}`)), sha256(content));
    assert.equal(await nginx.sentBytes(before), length);
  });
}

test("a name with a space and an umlaut becomes the file's name, typed plain or escaped", { skip }, async () => {
  const content = testContent(3000, 5);
  await nginx.put("with space ü.bin", content);
  succeeded(await swarm.first.get(nginx.url("/with%20space%20%C3%BC.bin")));
  assert.equal(await sha256OfFile(swarm.first.path("with space ü.bin")), sha256(content));
  succeeded(await swarm.first.get(nginx.url("/with space ü.bin"), "--overwrite", "-o", "other ü name"));
  assert.equal(await sha256OfFile(swarm.first.path("other ü name")), sha256(content));
});

test("a query reaches nginx as it was typed, and a filtered parameter makes no second content", { skip }, async () => {
  const content = testContent(70_000, 6);
  await nginx.put("query.bin", content);
  const seen = (await nginx.requests()).length;
  const url = (signature: string): string => nginx.url(`/query.bin?a=1%202&b=x+y&sign=${signature}`);
  succeeded(await swarm.first.get(url("one"), "-o", "q1", "-f", "sign"));
  succeeded(await swarm.first.get(url("two"), "-o", "q2", "-f", "sign"));
  for (const name of ["q1", "q2"]) assert.equal(await sha256OfFile(swarm.first.path(name)), sha256(content));
  const [first] = await nginx.requests(seen);
  assert.equal(first?.uri, "/query.bin?a=1%202&b=x+y&sign=one");
  assert.equal(await nginx.sentBytes(seen), content.length);
});

test("a range is those bytes and no others", { skip }, async () => {
  const content = testContent(5 * MIB, 7);
  await nginx.put("part.bin", content);
  const seen = (await nginx.requests()).length;
  for (const outcome of await swarm.getOnAll(nginx.url("/part.bin"), "--range", "1000-1999", "-o", "part")) {
    succeeded(outcome);
  }
  for (const host of swarm.hosts) {
    assert.equal(await sha256OfFile(host.path("part")), sha256(content.subarray(1000, 2000)));
  }
  assert.equal(await nginx.sentBytes(seen), 1000);
  succeeded(await swarm.first.get(nginx.url("/part.bin"), "--range", `${5 * MIB - 10}-`, "-o", "tail"));
  assert.deepEqual(await readFile(swarm.first.path("tail")), content.subarray(-10));
});

test("what nginx gives to members only is given to members only, held or not", { skip }, async () => {
  const content = testContent(2 * MIB, 8);
  await nginx.put("private/book.bin", content);
  const url = nginx.url("/private/book.bin");
  const [member, stranger] = swarm.hosts;
  assert.ok(member !== undefined && stranger !== undefined);

  refused(await stranger.get(url, "-o", "book"), 3, /401/, /-H/);
  succeeded(await member.get(url, "-o", "book", "-H", login));
  assert.equal(await sha256OfFile(member.path("book")), sha256(content));
  // A hit on this host, a hit at the supernode, and the wrong password.
  refused(await member.get(url, "-o", "stolen"), 3, /401/);
  refused(await stranger.get(url, "-o", "stolen"), 3, /401/);
  refused(await stranger.get(url, "-o", "stolen", "-H", "Authorization: Basic YWRhOmd1ZXNz"), 3, /401/);
  assert.equal((await stranger.files()).includes("stolen"), false);
  assert.equal((await member.files()).includes("stolen"), false);

  const seen = (await nginx.requests()).length;
  succeeded(await stranger.get(url, "-o", "book", "-H", login));
  assert.equal(await sha256OfFile(stranger.path("book")), sha256(content));
  assert.equal(await nginx.sentBytes(seen), 0);
});

test("credentials do not follow a redirect to another host", { skip }, async () => {
  const secrets = ["-H", login, "-H", "Cookie: crumb=1", "-H", "X-Api-Key: 2"];
  succeeded(await swarm.first.get(nginx.url("/moved/file"), ...secrets, "-o", "moved"));
  assert.equal(await sha256OfFile(swarm.first.path("moved")), sha256(testContent(MIB, 9)));
  const [asked] = (await nginx.requests()).filter(({ uri }) => uri === "/moved/file");
  assert.equal(asked?.authorization, login.slice("Authorization: ".length));
  assert.ok(elsewhere.requests.length > 0);
  for (const { headers } of elsewhere.requests) {
    assert.deepEqual([headers.authorization, headers.cookie, headers["x-api-key"]], [undefined, undefined, undefined]);
  }
});

test("a file that changed at nginx is fetched anew", { skip }, async () => {
  const url = nginx.url("/changing.bin");
  await nginx.put("changing.bin", testContent(200_000, 10));
  succeeded(await swarm.first.get(url, "-o", "old"));
  await nginx.put("changing.bin", testContent(300_000, 11));
  for (const outcome of await swarm.getOnAll(url, "-o", "new")) succeeded(outcome);
  for (const host of swarm.hosts) {
    assert.equal(await sha256OfFile(host.path("new")), sha256(testContent(300_000, 11)));
  }
  assert.equal((await stat(join(nginx.root, "changing.bin"))).size, 300_000);
});
