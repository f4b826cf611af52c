// A task as people name it: by its id, or the beginning of it.

import { DragonflyError } from "../core/error.ts";

/** `tasks` is only asked where the id is not whole. Errors: `bad-usage`, `not-found`, and what `tasks` rejects with. */
export async function fullTaskId(asked: string, tasks: () => Promise<unknown>): Promise<string> {
  if (!/^[0-9a-f]{1,64}$/.test(asked)) throw new DragonflyError("bad-usage", `"${asked}" is not a task id`);
  if (asked.length === 64) return asked;
  const [first, second] = idsOf(await tasks()).filter((id) => id.startsWith(asked));
  if (first === undefined) throw new DragonflyError("not-found", `no task begins with ${asked}`);
  if (second !== undefined)
    throw new DragonflyError("bad-usage", `several tasks begin with ${asked}: write more of it`);
  return first;
}

function idsOf(answer: unknown): readonly string[] {
  const { tasks } = (answer ?? {}) as { readonly tasks?: unknown };
  if (!Array.isArray(tasks)) throw new DragonflyError("protocol-violation", 'the answer has no "tasks"');
  return tasks.map((task: { readonly id?: unknown }) => String(task.id));
}
