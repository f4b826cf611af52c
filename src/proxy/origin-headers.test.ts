import assert from "node:assert/strict";
import { test } from "node:test";
import { taskKey } from "../wire/task-key.ts";
import { originHeaders } from "./origin-headers.ts";

test("what could be credentials is shown to the origin, the connection's own is not", () => {
  const kept = originHeaders({
    authorization: "Bearer a",
    cookie: "b=c",
    "private-token": "d",
    accept: "*/*",
    "user-agent": "pip/23",
    host: "files.test",
    range: "bytes=0-1",
    "if-none-match": '"e"',
    "accept-encoding": "gzip",
    "proxy-authorization": "Basic f",
    connection: "keep-alive, X-Hop",
    "x-hop": "g",
    via: "1.1 other",
  });
  assert.deepEqual(kept, {
    authorization: "Bearer a",
    cookie: "b=c",
    "private-token": "d",
    accept: "*/*",
    "user-agent": "pip/23",
  });
});

test("what package managers and browsers add from run to run makes nobody another audience", () => {
  const headers = originHeaders({
    accept: "*/*",
    "accept-language": "de",
    referer: "install demo",
    "user-agent": "npm/11",
    "npm-session": "1234",
    "npm-command": "install",
    "npm-in-ci": "false",
    "pacote-version": "21",
    "pacote-req-type": "tarball",
    "pacote-pkg-id": "remote:demo",
    "x-amzn-trace-id": "Root=1",
    traceparent: "00-1",
    "x-forwarded-for": "10.0.0.1",
    "sec-fetch-mode": "cors",
    "upgrade-insecure-requests": "1",
    "cache-control": "max-age=0",
  });
  assert.equal(taskKey({ url: "http://files.test/", headers }).audience, "");
});
