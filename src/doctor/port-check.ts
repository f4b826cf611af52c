// Whether a port that the daemon listens on is the daemon's, or free for it.

import { createServer } from "node:net";
import { DragonflyError } from "../core/error.ts";
import { listen } from "../net/listen.ts";
import { type Address, formatAddress } from "../runtime/address.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";
import { listeningProcesses } from "./listening-process.ts";

export interface DaemonPort {
  readonly address: Address;
  /** The flag that chooses it. */
  readonly flag: "--listen" | "--proxy" | "--metrics";
}

/** `daemon`: whether one answers, and its process where that is known. */
export async function checkPort(
  { address, flag }: DaemonPort,
  daemon: { readonly runs: boolean; readonly pid: number | undefined },
): Promise<Finding> {
  const where = `${formatAddress(address)} (${flag})`;
  if (address.port === 0) return ok("port", `${where}: any that is free`);
  const problem = await bindProblem(address);
  if (problem === undefined) {
    if (!daemon.runs) return ok("port", `${where} is free`);
    const todo = `give doctor the same ${flag} or --config as the daemon, or restart the daemon`;
    return warn("port", `${where} is free, so the running daemon listens elsewhere`, todo);
  }
  if (problem.code !== "address-in-use") {
    return fail("port", problem.message, `choose another with ${flag} HOST:PORT`);
  }
  const holders = await listeningProcesses(address.port);
  if (holders.some(({ pid }) => pid === daemon.pid)) return ok("port", `${where} is the daemon's`);
  const [holder] = holders;
  if (holder === undefined && daemon.runs) return ok("port", `${where} is in use, by the daemon as far as can be seen`);
  const who = holder === undefined ? "a process of another user" : `${holder.name} (process ${holder.pid})`;
  const todo = `stop it, or choose another with ${flag} HOST:PORT`;
  return fail("port", `${where} is taken by ${who}`, holder === undefined ? `ask as root who it is; ${todo}` : todo);
}

async function bindProblem(address: Address): Promise<DragonflyError | undefined> {
  const server = createServer();
  try {
    await listen(server, address);
    return undefined;
  } catch (error) {
    return DragonflyError.from(error);
  } finally {
    server.close();
  }
}
