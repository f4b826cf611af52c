// A daemon in the background: spawned apart from this terminal, its log in its data directory, waited for until it is ready.

import { type ChildProcess, spawn } from "node:child_process";
import { open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DragonflyError } from "../core/error.ts";
import type { Launch } from "./daemon-launcher.ts";

const readyWithinMs = 20_000;
const maxLogBytes = 10 << 20;

/** Resolves when it says that it is ready; throws `daemon-unreachable` with what it said instead. */
export async function startDaemon(launch: Launch, signal: AbortSignal): Promise<void> {
  const path = join(launch.dataDir, "daemon.log");
  // The process after next appends here, so a bound at each start is bound enough.
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > maxLogBytes) await rename(path, `${path}.1`);
  const log = await open(path, "a", 0o600);
  const from = (await log.stat()).size;
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [launch.program, ...daemonArguments(launch)], {
      cwd: "/",
      detached: true,
      env: daemonEnvironment(launch.env),
      stdio: ["ignore", "pipe", log.fd],
    });
  } finally {
    await log.close();
  }
  const outcome = await readiness(child, signal);
  if (outcome === "ready") {
    child.stdout?.destroy();
    child.unref();
    return;
  }
  child.kill();
  if (signal.aborted) throw signal.reason;
  const said = (await readFile(path)).subarray(from).toString("utf8").trim().split("\n").at(-1) ?? "";
  const why = said === "" ? outcome : said.replace(/^dragonfly daemon: /, "");
  throw new DragonflyError("daemon-unreachable", `a daemon could not be started: ${why} (its log is ${path})`);
}

function readiness(child: ChildProcess, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const lines = child.stdout === null ? undefined : createInterface({ input: child.stdout });
    const timer = setTimeout(() => finish("it was not ready in time"), readyWithinMs);
    const onAbort = (): void => finish("interrupted");
    const finish = (outcome: string): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      lines?.close();
      resolve(outcome);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    lines?.on("line", (line) => {
      if (line.startsWith("daemon ready")) finish("ready");
    });
    child.once("error", (error) => finish(error.message));
    child.once("exit", (code, killedBy) => finish(`it ended with ${killedBy ?? `exit code ${code}`}`));
    if (signal.aborted) onAbort();
  });
}

function daemonArguments(launch: Launch): readonly string[] {
  const { env, socket, dataDir, supernodes, logLevel, logFormat } = launch;
  return [
    "daemon",
    ...["--idle-exit", "5m", "--socket", socket, "--data-dir", dataDir],
    // Any free port, so that two users do not meet; but who has set one in the environment means it.
    ...(env.DRAGONFLY_LISTEN ? [] : ["--listen", "127.0.0.1:0"]),
    ...(env.DRAGONFLY_PROXY ? [] : ["--proxy", "off"]),
    ...supernodes.flatMap((url) => ["--supernode", url]),
    ...["--log-level", logLevel, "--log-format", logFormat],
  ];
}

/** What belongs to this download only must not live on in the daemon: its configuration file, and headers with credentials. */
function daemonEnvironment(env: Launch["env"]): Record<string, string | undefined> {
  const { DRAGONFLY_CONFIG: _config, DRAGONFLY_HEADER: _header, ...rest } = env;
  return rest;
}
