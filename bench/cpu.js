// Processor seconds of one daemon that receives a gigabyte from another and then sends it to a third.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { HeldContent } from "./held-content.js";
import { cpuBetween, cpuOf } from "./process-cost.js";
import { median } from "./statistics.js";

export const flags = { mb: "1000", tls: "no", runs: "3" };

/** @type {import("./report.js").Measure} */
export async function measure(given, stage) {
  const bytes = given.number("mb") * 1e6;
  const held = { plain: await HeldContent.make(stage, bytes) };
  if (given.has("tls")) held.tls = await HeldContent.make(stage, bytes, { tls: true });
  const rows = [];
  const failures = [];
  for (let run = 1; run <= given.number("runs"); run++) {
    for (const [link, content] of Object.entries(held)) {
      const { row, faults } = await oneRun(content);
      failures.push(...faults);
      rows.push({ run, link, ...row });
    }
  }
  const totals = Object.keys(held).map((link) => typical(rows, link));
  const title = `CPU seconds for ${given.number("mb")} MB each way; target: sum at most 1.8 for 1,000 MB`;
  const tables = [{ title, rows: [...rows, ...totals] }];
  const [plain, tls] = totals;
  if (tls !== undefined)
    tables.push({ title: "target: TLS at most 1.6 of plain", rows: [{ ratio: tls.sum / plain.sum }] });
  return { tables, failures };
}

function typical(rows, link) {
  const [first, ...others] = rows.filter((row) => row.link === link);
  const names = Object.keys(first).slice(2);
  return {
    run: "median",
    link,
    ...Object.fromEntries(names.map((name) => [name, median([first, ...others].map((row) => row[name]))])),
  };
}

async function oneRun(held) {
  const { stage } = held;
  const outputs = ["first", "second"].map((name) => join(stage.folder, name));
  const middle = await held.daemon("middle");
  const started = cpuOf(middle.process.pid);
  await middle.fetch(held.url, outputs[0]);
  const received = cpuOf(middle.process.pid);
  // Who takes it now has nobody else to take it from.
  await held.holder.process.stop();
  const last = await held.daemon("last");
  await last.fetch(held.url, outputs[1]);
  const sent = cpuOf(middle.process.pid);
  const faults = (await Promise.all(outputs.map((output) => held.fault(output)))).filter(
    (fault) => fault !== undefined,
  );
  await Promise.all([middle.process.stop(), last.process.stop()]);
  for (const path of [...outputs, middle.folder, last.folder]) await rm(path, { recursive: true });
  held.holder = await held.daemon("holder");
  const [receiving, sending] = [cpuBetween(started, received), cpuBetween(received, sent)];
  const sum = receiving.user + receiving.system + sending.user + sending.system;
  const row = {
    "receive user": receiving.user,
    "receive sys": receiving.system,
    "send user": sending.user,
    "send sys": sending.system,
    sum,
  };
  return { row: { "start-up": started.user + started.system, ...row }, faults };
}
