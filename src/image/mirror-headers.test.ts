import assert from "node:assert/strict";
import { test } from "node:test";
import { mirrorHeaders } from "./mirror-headers.ts";

function changes(
  root: string,
  prefix: string,
  before: string,
  headers: Readonly<Record<string, string>>,
  status = 202,
) {
  const registry = { host: "r.test", root, prefix, trust: {}, credentials: undefined };
  const located = { registry, path: "", before, vague: false, name: "a", origin: "http://mirror:65001" };
  return mirrorHeaders({ status, headers }, located);
}

test("the next page and the upload's place lead back to the mirror, by the name that the engine uses", () => {
  const link = '</v2/cache/a/tags/list?n=1&last=x>; rel="next"';
  const location = "/v2/cache/a/blobs/uploads/1";
  assert.deepEqual(changes("https://r.test", "cache/", "r.test/", { link, location }), {
    link: '</v2/r.test/a/tags/list?n=1&last=x>; rel="next"',
    location: "/v2/r.test/a/blobs/uploads/1",
  });
  assert.deepEqual(changes("https://r.test/nexus", "", "", { location: "/nexus/v2/a/blobs/uploads/1" }), {
    location: "/v2/a/blobs/uploads/1",
  });
  assert.deepEqual(changes("https://r.test", "", "", { link, location }), {});
  assert.deepEqual(changes("https://r.test", "cache/", "", { location: "https://storage.test/x" }), {});
});

test("only a 401 asks for a token", () => {
  const challenge = { "www-authenticate": 'Bearer realm="https://a/t"' };
  assert.deepEqual(changes("https://r.test", "", "", challenge), {});
  assert.deepEqual(changes("https://r.test", "", "r.test/", challenge, 401), {
    "www-authenticate":
      'Bearer realm="http://mirror:65001/dragonfly/token",service="r.test",scope="repository:r.test/a:pull"',
  });
});
