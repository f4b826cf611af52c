import assert from "node:assert/strict";
import { test } from "node:test";
import { GivingWay, type LoadSample } from "./giving-way.ts";

const MB = 1e6;
const idle: LoadSample = {
  ...{ sentRate: 0, ownSentRate: 0, ownReceivedRate: 0 },
  ...{ othersDiskShare: 0, diskPressure: 0, memoryPressure: 0, cpuPressure: 0 },
};
const alone: LoadSample = { ...idle, sentRate: 105 * MB, ownSentRate: 100 * MB };
const free = { upload: Number.POSITIVE_INFINITY, download: Number.POSITIVE_INFINITY };

function after(...samples: readonly LoadSample[]): GivingWay {
  const way = new GivingWay();
  for (const sample of samples) way.step(sample);
  return way;
}

const table: readonly (readonly [what: string, sample: LoadSample, gives: boolean])[] = [
  ["alone on a full link", alone, false],
  ["another program has half of a full link", { ...idle, sentRate: 104 * MB, ownSentRate: 50 * MB }, true],
  ["another program on a link with room", { ...idle, sentRate: 70 * MB, ownSentRate: 40 * MB }, false],
  ["a full link, and no upload of its own", { ...idle, sentRate: 104 * MB }, false],
  [
    "headers and acknowledgements",
    { ...idle, sentRate: 103 * MB, ownSentRate: 94 * MB, ownReceivedRate: 80 * MB },
    false,
  ],
  ["another program keeps the disk busy", { ...alone, diskPressure: 0.6, othersDiskShare: 0.5 }, true],
  ["it keeps the disk busy by itself", { ...alone, diskPressure: 0.9, othersDiskShare: 0.1 }, false],
  ["memory is short", { ...alone, memoryPressure: 0.3 }, true],
  ["the processors are busy", { ...alone, cpuPressure: 1 }, false],
];

for (const [what, sample, gives] of table) {
  test(`${what}: uploads ${gives ? "are halved" : "go on"}`, () => {
    const { upload } = after(alone, sample).limits;
    assert.equal(upload, gives ? sample.ownSentRate / 2 : Number.POSITIVE_INFINITY);
  });
}

test("what the kernel still had to send of its own is nobody else's", () => {
  const filling: LoadSample = { ...idle, sentRate: 10 * MB, ownSentRate: 14 * MB };
  assert.deepEqual(after(filling, { ...idle, sentRate: 21 * MB, ownSentRate: 17 * MB }).limits, free);
});

test("it goes down to a twentieth and not further, while the other has the link", () => {
  const way = after(alone, { ...idle, sentRate: 104 * MB, ownSentRate: 60 * MB });
  for (let own = 30; own > 3; own /= 2) way.step({ ...idle, sentRate: 104 * MB, ownSentRate: own * MB });
  const floor = way.limits.upload;
  assert.ok(floor > 4.9 * MB && floor <= 5 * MB, `${floor}`);
  assert.equal(way.step({ ...idle, sentRate: 80 * MB, ownSentRate: 5 * MB }).upload, floor);
});

test("once the other is gone it doubles until it is free", () => {
  const way = after(alone, { ...alone, memoryPressure: 1 }, { ...alone, ownSentRate: 50 * MB, memoryPressure: 1 });
  const limits = [25, 50, 100].map(
    (own) => way.step({ ...idle, sentRate: own * MB, ownSentRate: own * MB }).upload / MB,
  );
  assert.deepEqual(limits, [50, 100, Number.POSITIVE_INFINITY]);
  assert.equal(way.active, false);
});

test("what is received is held back only when nothing is left to take from what is sent", () => {
  const busy: LoadSample = { ...alone, ownReceivedRate: 80 * MB, diskPressure: 0.9, othersDiskShare: 0.9 };
  const way = after({ ...alone, ownReceivedRate: 80 * MB });
  const steps = [100, 50, 25, 12, 6, 5, 5].map((own) => way.step({ ...busy, ownSentRate: own * MB }));
  assert.deepEqual(
    steps.map(({ download }) => download / MB),
    [Infinity, Infinity, Infinity, Infinity, Infinity, 40, 20].map(Number),
  );
});

test("a host that does little is never held back, and an idle one is free", () => {
  assert.deepEqual(after({ ...idle, ownSentRate: 1000, memoryPressure: 1 }).limits, free);
  assert.deepEqual(after(idle).limits, free);
});
