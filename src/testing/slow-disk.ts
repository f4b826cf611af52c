// A disk that takes its time: each write of a program waits in the kernel's door for so long, by strace's injection. Needs strace, and the right to trace.

import { spawnSync } from "node:child_process";

const traced = (delayMs: number): readonly string[] => [
  ...["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64"],
  ...["-e", `inject=pwrite64:delay_enter=${delayMs * 1000}`],
];

/** Why there can be none here, for a test to skip with. */
export function missingSlowDisk(): string | false {
  const [command = "", ...flags] = traced(1);
  return spawnSync(command, [...flags, "true"], { stdio: "ignore" }).status === 0
    ? false
    : "strace is missing, or may not trace here";
}

/** The command under which a program finds its disk slow. */
export function onSlowDisk(delayMs: number): readonly string[] {
  return traced(delayMs);
}
