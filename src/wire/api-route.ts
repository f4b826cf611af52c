// What a route of an HTTP API takes and answers, as one value: the server checks what it takes by it, the OpenAPI document is made from it, and
// a test holds every answer to it.

import { z } from "zod";
import { DragonflyError } from "../core/error.ts";

export interface ApiRoute {
  readonly method: "GET" | "POST" | "DELETE";
  /** With `{name}` for a part that varies. */
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answer: ApiAnswer;
  /** Other answers that are no errors. */
  readonly others?: readonly ApiAnswer[];
}

export interface ApiAnswer {
  readonly status: number;
  readonly meaning: string;
  /** Of JSON; absent for an empty body, or for one of another `type`. */
  readonly schema?: z.ZodType;
  readonly type?: string;
}

/** Errors: `bad-usage`, which names what is wrong. */
export function parseQuery<T extends z.ZodObject>(schema: T, query: unknown): z.infer<T> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.code === "unrecognized_keys" ? issue.keys.join(", ") : String(issue?.path[0] ?? "the query");
  throw new DragonflyError("bad-usage", `${where}: ${issue?.message ?? "not understood"}`);
}

/** One page of a list that is ordered by its ids. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(10_000).default(1000).describe("so many at most"),
  cursor: z.string().max(64).optional().describe("`next` of the page before"),
};

export interface Page<T> {
  readonly items: readonly T[];
  /** The cursor of the next page; null on the last one. */
  readonly next: string | null;
}

/** Pages stay whole while things come and go: a page begins after the id that the last one ended with. */
export function pageOf<T>(
  all: readonly T[],
  idOf: (item: T) => string,
  { limit, cursor = "" }: { readonly limit: number; readonly cursor?: string | undefined },
): Page<T> {
  const rest = all.filter((item) => idOf(item) > cursor).sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rest.length > items.length && last !== undefined ? idOf(last) : null };
}
