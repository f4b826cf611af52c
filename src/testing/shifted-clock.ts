// A wall clock that is wrong for one program alone: a library that is loaded before libc, made by the C compiler where there is one. Waiting is
// not touched, since it goes by another clock.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const source = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t shift(void) { return atol(getenv("CLOCK_SHIFT_SECONDS")); }

int clock_gettime(clockid_t clock, struct timespec *at) {
  int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, at);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) at->tv_sec += shift();
  return result;
}

int gettimeofday(struct timeval *at, void *zone) {
  int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
  int result = real(at, zone);
  at->tv_sec += shift();
  return result;
}

time_t time(time_t *at) {
  time_t (*real)(time_t *) = dlsym(RTLD_NEXT, "time");
  time_t now = real(NULL) + shift();
  if (at) *at = now;
  return now;
}
`;

export const missingCompiler: string | false =
  process.platform === "linux" && spawnSync("cc", ["--version"], { stdio: "ignore" }).status === 0
    ? false
    : "needs Linux and a C compiler";

/** Returns the environment of a program whose clock is so many seconds ahead, by seconds. */
export function makeShiftedClock(folder: string): (seconds: number) => Readonly<Record<string, string>> {
  const [code, library] = [join(folder, "clock.c"), join(folder, "clock.so")];
  writeFileSync(code, source);
  const { status, stderr } = spawnSync("cc", ["-shared", "-fPIC", "-o", library, code, "-ldl"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`cc: ${stderr}`);
  return (seconds) => ({ LD_PRELOAD: library, CLOCK_SHIFT_SECONDS: String(seconds) });
}
