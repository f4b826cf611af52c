// A preheat as a supernode's API tells it; what an older supernode does not tell is left empty.

import { DragonflyError } from "../core/error.ts";

export interface PreheatRow {
  readonly id: string;
  readonly state: string;
  readonly isOver: boolean;
  readonly url: string;
  readonly to: string;
  readonly hosts: number;
  /** On all machines together. */
  readonly bytes: number;
  readonly totalBytes: number | null;
  readonly contents: number;
  readonly done: number;
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

export function preheatRows(answer: unknown): readonly PreheatRow[] {
  const { preheats } = fieldsOf(answer);
  if (!Array.isArray(preheats)) throw strange("preheats");
  return preheats.map(preheatRow);
}

/** Errors: `protocol-violation` for what is no preheat. */
export function preheatRow(answer: unknown): PreheatRow {
  const { id, state, url, to, hosts, bytes, totalBytes, contents, error } = fieldsOf(answer);
  if (typeof id !== "string" || typeof state !== "string") throw strange("id");
  const counts = Object.values(fieldsOf(contents)).map(count);
  const { code, message } = fieldsOf(error);
  return {
    id,
    state,
    isOver: !["waiting", "running"].includes(state),
    url: text(url),
    to: text(to),
    hosts: count(hosts),
    bytes: count(bytes),
    totalBytes: typeof totalBytes === "number" ? totalBytes : null,
    contents: counts.reduce((sum, one) => sum + one, 0),
    done: count(fieldsOf(contents).done),
    error: error === undefined ? undefined : { code: text(code), message: text(message) },
  };
}

function strange(key: string): DragonflyError {
  return new DragonflyError("protocol-violation", `the supernode's answer has no "${key}"`);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function count(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
