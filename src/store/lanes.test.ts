import assert from "node:assert/strict";
import { test } from "node:test";
import { Lanes } from "./lanes.ts";

test("work on one thing waits for what was begun before, also for what failed; work on another does not", async () => {
  const lanes = new Lanes<string>();
  const said: string[] = [];
  let end = (): void => {};
  const first = new Promise<void>((resolve) => {
    end = resolve;
  });
  const failing = lanes.run("a", () => first.then(() => said.push("a1")).then(() => Promise.reject(new Error("no"))));
  const second = lanes.run("a", async () => void said.push("a2"));
  await lanes.run("b", async () => void said.push("b"));
  assert.deepEqual(said, ["b"]);
  end();
  await assert.rejects(failing, /no/);
  await second;
  assert.deepEqual(said, ["b", "a1", "a2"]);
});

test("it is idle when the last has ended, those that came meanwhile included", async () => {
  const lanes = new Lanes<number>();
  let ended = 0;
  const one = async (left: number): Promise<void> => {
    await Promise.resolve();
    ended++;
    if (left > 0) void lanes.run(left, () => one(left - 1));
  };
  void lanes.run(3, () => one(3));
  await lanes.idle();
  assert.equal(ended, 4);
});
