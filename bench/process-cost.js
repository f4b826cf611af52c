// What a process has cost so far, as Linux counts it.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
const pageBytes = Number(execFileSync("getconf", ["PAGESIZE"], { encoding: "utf8" }));

/** @typedef {{ user: number, system: number }} Cpu seconds */

/** @returns {Cpu} */
export function cpuOf(pid) {
  const fields = statOf(pid);
  return { user: Number(fields[11]) / ticksPerSecond, system: Number(fields[12]) / ticksPerSecond };
}

/** Of all children of this process that have ended. @returns {Cpu} */
export function cpuOfEnded() {
  const fields = statOf("self");
  return { user: Number(fields[13]) / ticksPerSecond, system: Number(fields[14]) / ticksPerSecond };
}

/** @param {Cpu} before @param {Cpu} after @returns {Cpu} */
export function cpuBetween(before, after) {
  return { user: after.user - before.user, system: after.system - before.system };
}

export function residentBytes(pid) {
  return Number(statOf(pid)[21]) * pageBytes;
}

/** The fields behind the program's name, which may hold blanks: proc(5), from `state` on. */
function statOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
