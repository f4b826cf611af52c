// Feeds mutated inputs to every reader of foreign bytes, for so many minutes each: `npm run test:fuzz -- [MINUTES] [PART OF A NAME] [SEED]`.

import { parseArgs } from "node:util";

const { positionals } = parseArgs({ allowPositionals: true });
const [minutes = "1", part = "", given] = positionals;
const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
const { fuzzTargets } = await import("../dist/testing/fuzz-targets.js");
const { fuzz } = await import("../dist/testing/fuzzer.js");
const { seededRandom } = await import("../dist/core/random.js");

console.log(`seed ${seed}`);
for (const target of fuzzTargets.filter(({ name }) => name.includes(part))) {
  const { runs, taken, slowestMs, peakBytes } = await fuzz(
    target,
    seededRandom(seed),
    performance.now() + Number(minutes) * 60_000,
  );
  const figures = `${runs} inputs, ${taken} taken, slowest ${slowestMs.toFixed(1)} ms, ${peakBytes >> 20} MiB at most`;
  console.log(`${target.name}: ${figures}`);
}
