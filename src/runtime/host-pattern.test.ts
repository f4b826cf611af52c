import assert from "node:assert/strict";
import { test } from "node:test";
import { hostPatterns, matchesHost } from "./host-pattern.ts";

const matches = (pattern: string, host: string, port = 443): boolean =>
  hostPatterns.parse(pattern).some((one) => matchesHost(one, { host, port }));

test("a host is itself, and at the port of HTTPS", () => {
  assert.ok(matches("Files.Example.com", "files.example.COM"));
  assert.ok(!matches("files.example.com", "files.example.com", 8443));
  assert.ok(matches("files.example.com:8443", "files.example.com", 8443));
  assert.ok(!matches("files.example.com", "x.files.example.com"));
  assert.ok(matches("[::1]:5000", "::1", 5000));
  assert.ok(matches("a.test, b.test", "b.test"));
});

test("a star is every name below a domain, and not the domain", () => {
  assert.ok(matches("*.example.com", "a.b.example.com"));
  assert.ok(!matches("*.example.com", "example.com"));
  assert.ok(!matches("*.example.com", "notexample.com"));
});

test("nothing that would be nearly every host, and nothing that is no host", () => {
  for (const pattern of [
    "*",
    "*.com",
    "*.",
    "a.*.com",
    "*.127.0.0.1",
    "https://a.test",
    "a.test/x",
    "a b",
    "a.test:0",
    "a..b",
  ]) {
    assert.throws(() => hostPatterns.parse(pattern), { code: "bad-config" }, pattern);
  }
  assert.throws(() => hostPatterns.parse(Array.from({ length: 257 }, (_, nth) => `h${nth}.test`)), {
    code: "bad-config",
  });
});
