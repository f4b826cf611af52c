// A task or a host as people name it: by its id, or the beginning of it.

import { DragonflyError } from "../core/error.ts";
import { listIn } from "./cluster-rows.ts";

/** `tasks` is only asked where the id is not whole. Errors: `bad-usage`, `not-found`, and what `tasks` rejects with. */
export function fullTaskId(asked: string | undefined, tasks: () => Promise<unknown>): Promise<string> {
  return fullId(asked, { noun: "task", length: 64, all: tasks });
}

/** The same of a host. */
export function fullHostId(asked: string | undefined, hosts: () => Promise<unknown>): Promise<string> {
  return fullId(asked, { noun: "host", length: 32, all: hosts });
}

interface Named {
  readonly noun: "task" | "host";
  /** Of an id, in hexadecimal digits. */
  readonly length: number;
  readonly all: () => Promise<unknown>;
}

async function fullId(asked: string | undefined, { noun, length, all }: Named): Promise<string> {
  if (asked === undefined) {
    throw new DragonflyError("bad-usage", `no ${noun}: say which, as dragonfly ${noun}s shows it`);
  }
  const begin = asked.toLowerCase();
  if (begin.length > length || !/^[0-9a-f]+$/.test(begin)) {
    throw new DragonflyError("bad-usage", `"${asked}" is not a ${noun} id`);
  }
  if (begin.length === length) return begin;
  const ids = listIn(await all(), `${noun}s`).map(({ id }) => String(id));
  // Several supernodes may tell of the same one.
  const [first, second] = new Set(ids.filter((id) => id.startsWith(begin)));
  if (first === undefined) throw new DragonflyError("not-found", `no ${noun} begins with ${begin}`);
  if (second !== undefined) {
    throw new DragonflyError("bad-usage", `several ${noun}s begin with ${begin}: write more of it`);
  }
  return first;
}
