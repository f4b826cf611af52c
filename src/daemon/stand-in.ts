// A dfget that finds no daemon starts one: where a service manager's was away for a moment, that one has its socket and its data when it comes
// back. It asks the stand-in to leave. Downloads that run there go on with whoever comes.

import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import { socketOwnerOf } from "../runtime/locations.ts";
import { ProcessLock } from "../runtime/process-lock.ts";
import { readDaemonStatus } from "../wire/local-api.ts";

const leavesWithinMs = 10_000;
const answersWithinMs = 2_000;
const pollMs = 50;

/** What `claim` resolves to, once a stand-in that has this socket has left it, or whoever does not answer there. */
export async function insteadOfStandIn<T>(socket: string, claim: () => Promise<T>): Promise<T> {
  let deadline = 0;
  for (;;) {
    const found = await occupant(socket);
    if (found === "stand-in") await ask(socket, "POST", "/api/v1/give-way").catch(() => {});
    if (found === "nobody" || found === "daemon" || (deadline !== 0 && performance.now() >= deadline)) {
      try {
        return await claim();
      } catch (error) {
        if (!(error instanceof DragonflyError && error.code === "address-in-use")) throw error;
        // A stand-in gives its socket free before its data; or it has come since it was looked for.
        const waits = deadline === 0 ? mayLeave(await occupant(socket)) : performance.now() < deadline;
        if (!waits) throw error;
      }
    }
    if (deadline === 0) deadline = performance.now() + leavesWithinMs;
    await sleep(pollMs);
  }
}

/** `silent`: a process has it and does not answer, since it comes up or leaves. */
type Occupant = "nobody" | "stand-in" | "daemon" | "silent";

function mayLeave(found: Occupant): boolean {
  return found === "stand-in" || found === "silent";
}

async function occupant(socket: string): Promise<Occupant> {
  try {
    const { standIn } = readDaemonStatus(JSON.parse(await ask(socket, "GET", "/api/v1/status")));
    return standIn ? "stand-in" : "daemon";
  } catch {
    const pid = await ProcessLock.holder(socketOwnerOf(socket));
    return pid === undefined ? "nobody" : "silent";
  }
}

function ask(socketPath: string, method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(answersWithinMs);
    const asked = request({ socketPath, method, path, headers: { host: "localhost" }, signal }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.once("end", () => resolve(text));
      response.once("error", reject);
    });
    asked.once("error", reject);
    asked.end();
  });
}
