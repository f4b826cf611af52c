// Names that want out of where they belong, wherever a name or an id goes in: nothing outside is read, written or removed by them.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { connect, type NetConnectOpts } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const canary = "the-canary-sings";
const content = testContent(100_000);
let swarm: ProcessSwarm;
let origin: TestOrigin;
let canaryFile: string;

before(async () => {
  origin = await TestOrigin.start({ content });
  swarm = await ProcessSwarm.start({
    daemonFlags: ["--proxy", "127.0.0.1:0", "--registry", origin.url("").replace(/\/$/, "")],
  });
  canaryFile = join(swarm.folder, "canary");
  await writeFile(canaryFile, canary);
  const { exit } = await swarm.first.get(origin.url("/a"), "-o", "a", "-q");
  assert.equal(exit, 0);
});
after(async () => {
  await swarm.close();
  await origin.close();
});

/** What is answered to this request line, as it stands: no client tidies it up. */
async function ask(options: NetConnectOpts, line: string, head = ""): Promise<string> {
  const socket = connect(options);
  socket.write(`${line} HTTP/1.1\r\nHost: x\r\n${head}Connection: close\r\n\r\n`);
  return text(socket);
}

const names = [
  "../../canary",
  "..%2f..%2fcanary",
  "%2e%2e/%2e%2e/canary",
  "..%5c..%5ccanary",
  "....//....//canary",
  "%00",
  "canary%00",
  "%0d%0aX-Injected:%20yes",
  "a".repeat(300),
  `${"0".repeat(64)}/../../../canary`,
  "%c0%ae%c0%ae/canary",
  "__proto__",
  "constructor",
];

const routes = [
  ["GET", "/api/v1/tasks/"],
  ["DELETE", "/api/v1/tasks/"],
  ["GET", "/api/v1/versions/", "/content"],
  ["GET", "/api/v1/tasks/", "/peers"],
  ["GET", "/api/v1/hosts/"],
  ["POST", "/api/v1/hosts/", "/isolate"],
  ["POST", "/api/v1/hosts/", "/release"],
  ["GET", "/api/v1/preheats/"],
  ["DELETE", "/api/v1/preheats/"],
  ["GET", "/v2/", "/manifests/latest"],
  ["GET", "/v2/a/manifests/"],
  ["GET", "/v2/a/blobs/"],
  ["GET", "/v2/a/blobs/sha256:"],
  ["GET", "/v2/a/manifests/latest?ns="],
  ["GET", "/dragonfly/token?service="],
  ["GET", "/"],
] as const;

test("no id in a path leads out of the data directory", async () => {
  const ports: NetConnectOpts[] = [swarm.supernodeUrl, swarm.first.proxyUrl].map((url) => ({
    host: "127.0.0.1",
    port: Number(new URL(url).port),
  }));
  for (const port of [...ports, { path: swarm.first.socket }]) {
    await Promise.all(
      routes.flatMap(([method, before, behind = ""]) =>
        names.map(async (name) => {
          const line = `${method} ${before}${name}${behind}`;
          const answer = await ask(port, line, method === "POST" ? "Content-Length: 0\r\n" : "");
          assert.ok(!answer.includes(canary), line);
          assert.doesNotMatch(answer, /^x-injected:/im, line);
          // What the mirror does not know it asks the registry, which knows everything here.
          if (port !== ports[1])
            assert.match(answer, /^HTTP\/1\.1 (?:400|404|405|414) /, `${line}: ${answer.slice(0, 80)}`);
        }),
      ),
    );
  }
  assert.equal(await readFile(canaryFile, "utf8"), canary);
  assert.deepEqual(await swarm.first.files(), ["a"]);
  assert.equal((await swarm.first.get(origin.url("/a"), "-o", "b", "-q")).exit, 0);
});

test("the name of a file is its URL's last segment and stays in its directory", async () => {
  for (const path of ["/..%2f..%2fescaped", "/%2e%2e", "/a%2f..%2f..%2fescaped", "/a%00b", "/a%0ab", "/"]) {
    const { exit, stderr } = await swarm.first.get(origin.url(path));
    assert.equal(exit, 2, `${path}: ${stderr}`);
  }
  assert.deepEqual((await swarm.first.files()).sort(), ["a", "b"]);
});

test("a line end in a header or an id of the local API starts no line of its own", async () => {
  const before = origin.requests.length;
  const bodies = [
    { url: origin.url("/h"), headers: { "x-a": "b\r\nX-Injected: yes" } },
    { url: origin.url("/h"), headers: { "x-a\r\nX-Injected": "yes" } },
    { url: origin.url("/h"), headers: {}, digest: "sha256:../../canary" },
    { url: origin.url("/h"), headers: {}, range: "0-1\r\nX-Injected: yes" },
  ];
  for (const body of bodies) {
    const json = JSON.stringify({ backToSource: true, order: "any", ...body });
    const head = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n`;
    const socket = connect({ path: swarm.first.socket });
    socket.write(`POST /api/v1/downloads HTTP/1.1\r\nHost: x\r\n${head}Connection: close\r\n\r\n${json}`);
    assert.match(await text(socket), /^HTTP\/1\.1 400 /);
  }
  assert.equal(origin.requests.length, before);
});
