import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeHeader, encodeRecords, headerBytes, parseJournal, recordBytes } from "./journal-format.ts";

const boot = "0123abcd-0000-0000-0000-00000000cdef";
const records = fc.array(
  fc.record({ index: fc.nat({ max: 2 ** 32 - 1 }), digest: fc.uint8Array({ minLength: 32, maxLength: 32 }) }),
  { maxLength: 20 },
);
const plain = (list: readonly { index: number; digest: Uint8Array }[]) =>
  list.map(({ index, digest }) => [index, [...digest]]);

test("what was encoded is parsed", () => {
  fc.assert(
    fc.property(records, (list) => {
      const parsed = parseJournal(Buffer.concat([encodeHeader(boot), encodeRecords(list)]));
      assert.equal(parsed.boot, boot);
      assert.deepEqual(plain(parsed.records), plain(list));
      assert.equal(parsed.endBytes, headerBytes + list.length * recordBytes);
    }),
  );
});

test("a journal cut anywhere gives the records before the cut", () => {
  fc.assert(
    fc.property(records, fc.nat(), (list, cut) => {
      const whole = Buffer.concat([encodeHeader(boot), encodeRecords(list)]);
      const end = cut % (whole.length + 1);
      const parsed = parseJournal(whole.subarray(0, end));
      const left = Math.max(0, Math.floor((end - headerBytes) / recordBytes));
      assert.deepEqual(plain(parsed.records), plain(list.slice(0, left)));
      assert.equal(parsed.endBytes, headerBytes + left * recordBytes);
    }),
  );
});

test("one changed byte costs one record or the boot, never a wrong claim", () => {
  fc.assert(
    fc.property(records, fc.nat(), fc.integer({ min: 1, max: 255 }), (list, at, change) => {
      const bytes = Buffer.concat([encodeHeader(boot), encodeRecords(list)]);
      const place = at % bytes.length;
      bytes[place] = (bytes[place] ?? 0) ^ change;
      const parsed = parseJournal(bytes);
      const hit = Math.floor((place - headerBytes) / recordBytes);
      assert.deepEqual(plain(parsed.records), plain(list.filter((_, index) => index !== hit)));
      assert.ok(parsed.boot === boot || (parsed.boot === undefined && place < headerBytes));
    }),
  );
});

test("any bytes are parsed without failing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => assert.ok(parseJournal(bytes).endBytes >= headerBytes)),
  );
});

test("the records of another format are not read", () => {
  const bytes = Buffer.concat([encodeHeader(boot), encodeRecords([{ index: 1, digest: new Uint8Array(32) }])]);
  const other = Buffer.from(encodeHeader(boot));
  assert.equal(parseJournal(bytes).records.length, 1);
  other.write("elsewise", 0, "latin1");
  bytes.set(other);
  assert.equal(parseJournal(bytes).boot, undefined);
});
