import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { HostId } from "./ids.ts";
import { type Candidate, choosePreheatHosts, formatPreheatTarget, parsePreheatTarget } from "./preheat-hosts.ts";

function hosts(count: number, racks = 0): readonly Candidate[] {
  return Array.from({ length: count }, (_, nth) => ({
    id: nth.toString(16).padStart(32, "0") as HostId,
    labels: racks === 0 ? {} : { zone: "a", rack: `r${nth % racks}` },
  }));
}

function percent(value: number) {
  return { kind: "percent", percent: value } as const;
}

test("a target is read and written in one form", () => {
  for (const text of ["seeds", "all", "100%", "1%", "12.5%"]) {
    const target = parsePreheatTarget(text);
    assert.ok(target);
    assert.equal(formatPreheatTarget(target), text);
  }
  for (const text of ["", "0%", "101%", "50", "-5%", "1e2%", "50 %", "some"]) {
    assert.equal(parsePreheatTarget(text), undefined, text);
  }
});

test("a share is rounded up, all are all, and seeds are nobody", () => {
  const ten = hosts(10);
  assert.equal(choosePreheatHosts(ten, percent(1), "x").length, 1);
  assert.equal(choosePreheatHosts(ten, percent(25), "x").length, 3);
  assert.equal(choosePreheatHosts(ten, percent(100), "x").length, 10);
  assert.equal(choosePreheatHosts(ten, { kind: "all" }, "x").length, 10);
  assert.deepEqual(choosePreheatHosts(ten, { kind: "seeds" }, "x"), []);
  assert.deepEqual(choosePreheatHosts([], percent(50), "x"), []);
});

test("each rack gets its share", () => {
  const chosen = choosePreheatHosts(hosts(40, 4), percent(20), "x");
  const racks = chosen.map((id) => Number.parseInt(id, 16) % 4).sort();
  assert.deepEqual(racks, [0, 0, 1, 1, 2, 2, 3, 3]);
});

test("the choice repeats itself whatever the order, is of distinct hosts, and as large as was asked for", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 0, max: 7 }),
      fc.integer({ min: 1, max: 100 }),
      fc.string(),
      (count, racks, share, content) => {
        const there = hosts(count, racks);
        const chosen = choosePreheatHosts(there, percent(share), content);
        const again = choosePreheatHosts([...there].reverse(), percent(share), content);
        assert.deepEqual([...again].sort(), [...chosen].sort());
        assert.equal(new Set(chosen).size, Math.ceil((count * share) / 100));
      },
    ),
  );
});

test("a host that joins displaces one at most", () => {
  for (let count = 10; count < 40; count++) {
    const before = choosePreheatHosts(hosts(count), percent(30), "x");
    const after = new Set(choosePreheatHosts(hosts(count + 1), percent(30), "x"));
    assert.ok(before.filter((id) => !after.has(id)).length <= 1, `at ${count}`);
  }
});

test("other content chooses other hosts, so that no host bears all preheats", () => {
  const load = new Map<string, number>();
  for (let nth = 0; nth < 200; nth++) {
    for (const id of choosePreheatHosts(hosts(20), percent(10), `http://h/${nth}`)) {
      load.set(id, (load.get(id) ?? 0) + 1);
    }
  }
  assert.equal(load.size, 20);
  assert.ok(Math.max(...load.values()) < 45, String([...load.values()]));
});
