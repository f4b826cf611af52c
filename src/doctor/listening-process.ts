// Which process listens on a TCP port of this machine, as /proc tells (proc_net_tcp(5), proc_pid_fd(5)).

import { readdir, readFile, readlink } from "node:fs/promises";

export interface ListeningProcess {
  readonly pid: number;
  readonly name: string;
}

const listening = "0A";

/** Empty without /proc, and where the process is another user's and this one is not root. */
export async function listeningProcesses(port: number): Promise<readonly ListeningProcess[]> {
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => textOf(`/proc/net/${name}`)));
  const sockets = new Set(tables.flatMap((table) => socketsOn(table, port)).map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return [];
  const found: ListeningProcess[] = [];
  for (const entry of await readdir("/proc").catch(() => [])) {
    if (/^\d+$/.test(entry) && (await holds(entry, sockets))) {
      found.push({ pid: Number(entry), name: (await textOf(`/proc/${entry}/comm`)).trim() });
    }
  }
  return found;
}

/** Columns: number, local address and port in hexadecimal, remote, state, queues, timer, retransmits, user, timeout, inode. */
function socketsOn(table: string, port: number): readonly string[] {
  return table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === listening && Number.parseInt(local?.split(":")[1] ?? "", 16) === port)
    .flatMap((columns) => columns[9] ?? []);
}

async function holds(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  for (const fd of await readdir(folder).catch(() => [])) {
    if (sockets.has(await readlink(`${folder}/${fd}`).catch(() => ""))) return true;
  }
  return false;
}

function textOf(path: string): Promise<string> {
  return readFile(path, "latin1").catch(() => "");
}
