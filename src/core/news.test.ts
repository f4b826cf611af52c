import assert from "node:assert/strict";
import { test } from "node:test";
import { News } from "./news.ts";

test("young news are told soon, older ones wait for a share of the age, up to a bound", () => {
  const news = new News(1000);
  assert.equal(news.add(3, 1000), 1005);
  assert.equal(news.add(4, 1002), 1005);
  assert.deepEqual(news.take(), [3, 4]);
  assert.equal(news.add(5, 1600), 1612);
  assert.deepEqual(news.take(), [5]);
  assert.equal(news.add(6, 1_000_000), 1_000_020);
});

test("the eighth piece does not wait", () => {
  const news = new News(0);
  for (let piece = 0; piece < 7; piece++) assert.equal(news.add(piece, 30_000 + piece), 30_020);
  assert.equal(news.add(7, 30_010), 30_010);
  assert.equal(news.count, 8);
  assert.equal(news.take().length, 8);
  assert.equal(news.count, 0);
});
