// Tasks and hosts as supernodes' APIs tell them; what an older supernode does not tell is left empty.

import { DragonflyError } from "../core/error.ts";

interface Told {
  /** Who tells it; "" where only one was asked. */
  readonly supernode: string;
}

export interface TaskRow extends Told {
  readonly id: string;
  readonly url: string;
  readonly state: string;
  readonly length: number | null;
  readonly peers: number;
  readonly bytesBySource: { readonly peers: number; readonly supernode: number; readonly origin: number };
}

export interface HostRow extends Told {
  readonly id: string;
  readonly address: string;
  readonly state: string;
  readonly tasks: number;
  readonly strikes: number;
}

export function taskRows(answer: unknown): readonly TaskRow[] {
  return listIn(answer, "tasks").map((task) => ({
    id: text(task.id),
    supernode: text(task.supernode),
    url: text(task.url),
    state: text(task.state),
    length: typeof task.length === "number" ? task.length : null,
    peers: count(fieldsOf(task.peers).fetching) + count(fieldsOf(task.peers).complete),
    bytesBySource: bySource(task.bytesBySource),
  }));
}

export function hostRows(answer: unknown): readonly HostRow[] {
  return listIn(answer, "hosts").map((host) => ({
    id: text(host.id),
    supernode: text(host.supernode),
    address: text(host.address),
    state: host.isolated === true ? "isolated" : host.standing === "probation" ? "probation" : "ok",
    tasks: count(host.tasks),
    strikes: count(host.strikes),
  }));
}

/** The column of who tells it, which is there where several do. */
export function supernodeColumn(rows: readonly Told[]): {
  readonly heading: readonly string[];
  readonly cell: (row: Told) => readonly string[];
} {
  if (new Set(rows.map(({ supernode }) => supernode)).size < 2) return { heading: [], cell: () => [] };
  return { heading: ["TOLD BY"], cell: ({ supernode }) => [supernode.replace(/^https?:\/\//, "")] };
}

export type Fields = Readonly<Record<string, unknown>>;

/** Errors: `protocol-violation` where there is no such list. */
export function listIn(answer: unknown, key: string): readonly Fields[] {
  const list = fieldsOf(answer)[key];
  if (!Array.isArray(list)) throw new DragonflyError("protocol-violation", `the supernode's answer has no "${key}"`);
  return list.map(fieldsOf);
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function bySource(value: unknown): TaskRow["bytesBySource"] {
  const fields = fieldsOf(value);
  return { peers: count(fields.peers), supernode: count(fields.supernode), origin: count(fields.origin) };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function count(value: unknown): number {
  return Array.isArray(value) ? value.length : typeof value === "number" ? value : 0;
}
