// What a measurement came to: figures for machines, a table for people, and always where it ran.

import { execFileSync } from "node:child_process";
import { cpus } from "node:os";

/**
 * @typedef {{ title: string, rows: Record<string, string | number>[] }} Table
 * @typedef {{ tables: Table[], failures: string[] }} Result
 * @typedef {(flags: import("./flags.js").Flags, stage: import("./stage.js").Stage) => Promise<Result>} Measure
 */

export function machine() {
  const [first] = cpus();
  return { cpu: first?.model.trim() ?? "unknown", cores: cpus().length, node: process.version, commit: commit() };
}

/** @param {Result & { measure: string, machine: ReturnType<typeof machine>, flags: Record<string, string> }} result */
export function print(result, asJson = false) {
  if (asJson) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const { cpu, cores, node, commit } = result.machine;
  const flags = Object.entries(result.flags).flatMap(([name, value]) =>
    value === "" || value === "no" ? [] : [`--${name} ${value}`],
  );
  process.stdout.write(`${result.measure} ${flags.join(" ")}\n${cpu}, ${cores} cores, Node ${node}, ${commit}\n`);
  for (const { title, rows } of result.tables) process.stdout.write(`\n${title}\n${format(rows)}`);
  for (const failure of result.failures) process.stdout.write(`FAILED: ${failure}\n`);
}

/** @param {readonly Record<string, string | number>[]} rows */
function format(rows) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => shown(row[column])))];
  const widths = columns.map((_, nth) => Math.max(...cells.map((line) => line[nth]?.length ?? 0)));
  const line = (texts) =>
    texts.map((text, nth) => (nth === 0 ? text.padEnd(widths[nth]) : text.padStart(widths[nth]))).join("  ");
  return `${cells.map(line).join("\n")}\n`;
}

function shown(value) {
  if (typeof value !== "number") return value ?? "";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 3);
}

function commit() {
  const git = (...args) => execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return `commit ${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain") === "" ? "" : " with changes"}`;
  } catch {
    return "no commit";
  }
}
