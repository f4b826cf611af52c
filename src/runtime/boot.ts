// Which run of the machine this is. What a killed process wrote survives in the page cache for as long as the machine runs, and no longer.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

/** A UUID; where the kernel tells none, one for this process alone, so that nothing is believed that is not proven. */
export const bootId: string = readBootId();

function readBootId(): string {
  try {
    const id = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    if (/^[0-9a-f-]{36}$/.test(id)) return id;
  } catch {
    // Not Linux, or /proc is hidden.
  }
  return randomUUID();
}
