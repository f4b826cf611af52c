import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NeighbourTable } from "./neighbour-table.ts";

const step = fc.oneof(
  fc.record({ does: fc.constant("add" as const) }),
  fc.record({ does: fc.constantFrom("note" as const, "forget" as const), row: fc.nat(20), piece: fc.nat(150) }),
  fc.record({ does: fc.constantFrom("remove" as const, "forgetAll" as const), row: fc.nat(20) }),
);

test("rows keep what was noted of them when others come and go, and a new one knows nothing", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new NeighbourTable(20);
      const model: { rate: number; readonly held: Set<number> }[] = [];
      for (const [at, one] of steps.entries()) {
        if (one.does === "add") {
          assert.equal(table.add(), model.length);
          model.push({ rate: at, held: new Set() });
          assert.deepEqual([table.rate(model.length - 1), table.interest(model.length - 1)], [0, 0]);
          table.setRate(model.length - 1, at);
          continue;
        }
        const row = model[one.row];
        if (row === undefined) continue;
        if (one.does === "note") {
          assert.equal(table.note(one.row, one.piece), !row.held.has(one.piece));
          row.held.add(one.piece);
        } else if (one.does === "forget") assert.equal(table.forget(one.row, one.piece), row.held.delete(one.piece));
        else if (one.does === "forgetAll") {
          table.forgetAll(one.row);
          row.held.clear();
        } else {
          table.remove(one.row);
          model.splice(one.row, 1);
        }
      }
      assert.equal(table.count, model.length);
      for (const [row, { rate, held }] of model.entries()) {
        assert.equal(table.rate(row), rate);
        for (let piece = 0; piece < 160; piece++) assert.equal(table.holds(row, piece), held.has(piece));
      }
    }),
  );
});
