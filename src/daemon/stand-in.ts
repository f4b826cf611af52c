// A dfget that finds no daemon starts one: where a service manager's was away for a moment, that one has its socket and its data when it comes
// back. It asks the stand-in to leave. Downloads that run there go on with whoever comes.

import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import { readDaemonStatus } from "../wire/local-api.ts";

const leavesWithinMs = 10_000;
const answersWithinMs = 2_000;
const pollMs = 50;

/** What `open` opens, once a stand-in at this socket has left it. */
export async function insteadOfStandIn<T>(socket: string, open: () => Promise<T>): Promise<T> {
  let deadline = 0;
  for (;;) {
    if (await isStandIn(socket)) {
      if (deadline === 0) deadline = performance.now() + leavesWithinMs;
      await ask(socket, "POST", "/api/v1/give-way").catch(() => {});
    } else {
      try {
        return await open();
      } catch (error) {
        const inUse = error instanceof DragonflyError && error.code === "address-in-use";
        // It gives its socket free before its data; or it has come since it was asked for.
        const isThere = inUse && (deadline === 0 ? await isStandIn(socket) : performance.now() < deadline);
        if (!isThere) throw error;
      }
    }
    if (deadline !== 0 && performance.now() >= deadline) return open();
    await sleep(pollMs);
  }
}

async function isStandIn(socket: string): Promise<boolean> {
  try {
    return readDaemonStatus(JSON.parse(await ask(socket, "GET", "/api/v1/status"))).standIn;
  } catch {
    return false;
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
