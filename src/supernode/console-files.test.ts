import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fastify from "fastify";
import { useProblems } from "../net/problem.ts";
import { serveConsole } from "./console-files.ts";

async function served() {
  const app = fastify();
  useProblems(app);
  serveConsole(app);
  await app.ready();
  return app;
}

test("the page and all that it names are there, compressed for who takes that, and told once", async () => {
  const app = await served();
  const page = await app.inject("/");
  assert.match(String(page.headers["content-type"]), /^text\/html/);
  assert.match(String(page.headers["content-security-policy"]), /^default-src 'none'/);
  const names = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name]) => `/${name}`);
  assert.equal(names.length, 3);
  for (const name of names) {
    const plain = await app.inject(name);
    assert.equal(plain.statusCode, 200, name);
    const packed = await app.inject({ url: name, headers: { "accept-encoding": "gzip, br" } });
    assert.equal(packed.headers["content-encoding"], "gzip");
    assert.deepEqual(gunzipSync(packed.rawPayload), plain.rawPayload);
    const again = await app.inject({ url: name, headers: { "if-none-match": String(plain.headers.etag) } });
    assert.deepEqual([again.statusCode, again.body], [304, ""]);
  }
  await app.close();
});

test("nothing else of the disk is served", async () => {
  const app = await served();
  for (const path of ["/console/..%2Findex.js", "/console/main.tsx", "/console/"]) {
    assert.equal((await app.inject(path)).statusCode, 404, path);
  }
  await app.close();
});

test("the page's files name no other place", async () => {
  const app = await served();
  for (const name of ["/", "/console/console.css", "/console/icon.svg"]) {
    const { body } = await app.inject(name);
    const elsewhere = [...body.matchAll(/https?:\/\/[^\s"')]+/g)]
      .map(([url]) => url)
      .filter((url) => !url.startsWith("http://www.w3.org/"));
    assert.deepEqual(elsewhere, [], name);
  }
  await app.close();
});
