// The short form: a moment for each reader. `npm run test:fuzz MINUTES` is the long one.

import { test } from "node:test";
import { seededRandom } from "../core/random.ts";
import { fuzzTargets } from "./fuzz-targets.ts";
import { fuzz } from "./fuzzer.ts";

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

test(`what strangers write is taken or refused, and nothing else (seed ${seed})`, async (t) => {
  for (const target of fuzzTargets) {
    await t.test(target.name, async () => {
      await fuzz(target, seededRandom(seed), performance.now() + 100);
    });
  }
});
