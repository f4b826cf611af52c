import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfigFile } from "./config-file.ts";
import { proxyRules, urlPattern } from "./proxy-rule.ts";

const rule = (raw: unknown) => proxyRules.parse(raw)[0];

test("a rule is a mapping in a file, and a line as a flag", async () => {
  const [given] = await parseConfigFile(
    "x.yaml",
    "proxy-rules:\n  - match: ^http://a/\n    use: swarm\n  - refuse ^http://b/\n",
  );
  const rules = proxyRules.parse(given?.raw);
  assert.deepEqual(
    rules.map(({ match, use, rewrite }) => [match.source, use, rewrite]),
    [
      ["^http://a/", "swarm", {}],
      ["^http://b/", "refuse", {}],
    ],
  );
  assert.deepEqual(
    proxyRules.parse("swarm ^a b$\n\n direct  c ").map(({ match, use }) => [match.source, use]),
    [
      ["^a b$", "swarm"],
      ["c", "direct"],
    ],
  );
  assert.deepEqual(proxyRules.parse(""), []);
});

test("what only rewrites goes direct", () => {
  const { use, rewrite } = rule([{ match: "a", rewrite: { scheme: "https", host: "[::1]:8443" } }]) ?? {};
  assert.deepEqual([use, rewrite], ["direct", { scheme: "https", host: "[::1]:8443" }]);
});

test("a rule that says nothing clear is refused, with its number and what to write", () => {
  for (const [raw, said] of [
    [[{ match: "a", use: "swarm" }, { use: "swarm" }], /^rule 2: match is missing/],
    [[{ match: "a" }], /^rule 1: use is missing: give one of swarm, direct, refuse/],
    [[{ match: "a", use: "mirror" }], /use is "mirror", and must be one of swarm, direct, refuse/],
    [[{ match: "a", use: "swarm", regx: "b" }], /unknown key regx: there are match, use, rewrite/],
    [[{ match: 1, use: "swarm" }], /1 is not text/],
    [[{ match: "(a", use: "swarm" }], /no RE2 expression: missing closing \)/],
    [[{ match: "a(?=b)", use: "swarm" }], /no RE2 expression: invalid or unsupported Perl syntax/],
    [[{ match: "a".repeat(1001), use: "swarm" }], /at most 1000 characters/],
    [[{ match: "a", rewrite: { scheme: "ftp" } }], /scheme is "ftp", and must be http or https/],
    [[{ match: "a", rewrite: { host: "http://b" } }], /host is "http:\/\/b", and must be HOST or HOST:PORT/],
    [[{ match: "a", rewrite: { host: "b:99999" } }], /must be HOST or HOST:PORT/],
    [[{ match: "a", rewrite: "b" }], /rewrite must be a mapping with scheme, host/],
    ["swarm", /"swarm" is no rule: write 'swarm/],
    [[5], /a rule must be a mapping/],
    [Array.from({ length: 1001 }, () => "swarm a"), /more than 1000/],
  ] as const) {
    assert.throws(() => proxyRules.parse(raw), { code: "bad-config", message: said });
  }
});

test("a pattern that would never end elsewhere is quick", () => {
  assert.equal(urlPattern("(a+)+$").test(`${"a".repeat(16_000)}!`), false);
  assert.equal(urlPattern("(?i)\\.WHL$").test("https://a/b.whl"), true);
});
