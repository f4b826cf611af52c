import assert from "node:assert/strict";
import { test } from "node:test";
import { upstreamOf } from "./upstream.ts";

const hub = "https://registry-1.docker.io";

test("the engine's namespace chooses the registry, else the default does", () => {
  assert.equal(upstreamOf(undefined, undefined), hub);
  assert.equal(upstreamOf("docker.io", "http://registry.example:5000"), hub);
  assert.equal(upstreamOf(undefined, "https://docker.io/"), hub);
  assert.equal(upstreamOf(undefined, "http://registry.example:5000/"), "http://registry.example:5000");
  assert.equal(upstreamOf("Registry.example:5000", "http://registry.example:5000"), "http://registry.example:5000");
  assert.equal(upstreamOf("registry.example", "http://registry.example:5000"), "https://registry.example");
  assert.equal(upstreamOf("[::1]:5000", undefined), "https://[::1]:5000");
  assert.equal(upstreamOf(undefined, "https://host/prefix"), "https://host/prefix");
});

test("what is no host is refused", () => {
  for (const namespace of ["", "a b", "user@host", "host/path", "host:port", "host:99999", "-host", "http://host"]) {
    assert.throws(() => upstreamOf(namespace, undefined), { code: "bad-usage" }, namespace);
  }
});
