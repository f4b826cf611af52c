import assert from "node:assert/strict";
import { test } from "node:test";
import { mayAskSwarm } from "./may-ask-swarm.ts";

test("only a plain GET that wants no fresh answer asks the swarm", () => {
  const ask = (headers: Readonly<Record<string, string>>, method = "GET"): boolean => mayAskSwarm({ method, headers });
  assert.ok(ask({}));
  assert.ok(ask({ "cache-control": "max-age=0", range: "bytes=0-1", "if-none-match": '"a"', "content-length": "0" }));
  for (const method of ["HEAD", "POST", "PUT", "DELETE"]) assert.ok(!ask({}, method), method);
  for (const headers of [
    { "cache-control": "No-Store" },
    { "cache-control": "max-age=0, no-cache" },
    { pragma: "no-cache" },
    { "content-length": "1" },
    { "transfer-encoding": "chunked" },
    { upgrade: "websocket" },
    { "if-match": '"a"' },
    { "if-unmodified-since": "Tue, 01 Oct 2024 10:00:00 GMT" },
  ]) {
    assert.ok(!ask(headers), JSON.stringify(headers));
  }
});
