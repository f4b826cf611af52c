import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostId } from "../core/ids.ts";
import { KnownKeys } from "./known-keys.ts";

const hosts = (names: string): HostId[] => [...names] as HostId[];

test("a key counts when more than half of the hosts, and two at least, have met it", () => {
  const cases: [met: string, strangers: string, trusted: boolean][] = [
    ["", "abc", false],
    ["a", "", false],
    ["a", "b", false],
    ["ab", "", true],
    ["ab", "c", true],
    ["ab", "cd", false],
    ["abc", "de", true],
  ];
  for (const [met, strangers, trusted] of cases) {
    const keys = new KnownKeys("own");
    for (const host of hosts(met)) keys.learn(host, ["own", "other"]);
    for (const host of hosts(strangers)) keys.learn(host, ["own"]);
    assert.equal(keys.trusts("other"), trusted, `${met} against ${strangers}`);
  }
});

test("the own key needs no witness, and who left bears none", () => {
  const keys = new KnownKeys("own");
  assert.equal(keys.trusts("own"), true);
  for (const host of hosts("ab")) keys.learn(host, ["other"]);
  keys.forget("b" as HostId);
  assert.equal(keys.trusts("other"), false);
});

test("a host that takes back what it said bears no witness any more", () => {
  const keys = new KnownKeys("own");
  for (const host of hosts("ab")) keys.learn(host, ["other"]);
  keys.learn("a" as HostId, []);
  assert.equal(keys.trusts("other"), false);
});
