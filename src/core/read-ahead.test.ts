import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadAhead } from "./read-ahead.ts";

const tuning = { pieces: 6, patienceMs: 500 };

test("while hosts keep up, parts grow", () => {
  const ahead = new ReadAhead(100, tuning);
  assert.deepEqual(
    [0, 1, 3, 7].map((read) => ahead.next(0, read, read)),
    [100, 200, 400, 800],
  );
});

test("parts do not grow before anything is taken", () => {
  const ahead = new ReadAhead(100, tuning);
  assert.deepEqual(
    [0, 1, 2, 3].map((nowMs) => ahead.next(0, 0, nowMs)),
    [100, 100, 100, 100],
  );
  assert.equal(ahead.next(0, 1, 4), 200);
});

test("with enough read and given to nobody it waits, and goes on in single pieces", () => {
  const ahead = new ReadAhead(100, tuning);
  for (let read = 0; read < 4; read++) ahead.next(0, read, 0);
  assert.equal(ahead.next(6, 4, 10), 0);
  assert.equal(ahead.next(5, 5, 20), 100);
  assert.equal(ahead.next(6, 5, 30), 0);
});

test("where nobody takes anything it reads on, a piece at a time", () => {
  const ahead = new ReadAhead(100, tuning);
  assert.equal(ahead.next(6, 1, 0), 0);
  assert.equal(ahead.next(6, 1, 499), 0);
  assert.equal(ahead.next(6, 1, 500), 100);
  assert.equal(ahead.next(7, 1, 900), 0);
});
