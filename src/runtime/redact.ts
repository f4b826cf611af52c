// Takes credentials out of what is about to be logged: header values by name, and user and password in URLs.

import { DragonflyError } from "../core/error.ts";

const secretName =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie2?|x-.*(?:token|key|secret|signature)|.*(?:password|secret|token))$/i;
const maxDepth = 5;
const maxItems = 100;

/** A copy that may be written down: bounded in depth and breadth, errors as their code, blame and message. */
export function redact(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redactEntries(fields, 0);
}

/** A text without the user and password of any URL in it. */
export function withoutCredentials(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/?#\s@]*@/gi, "$1");
}

function redactEntries(fields: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, maxItems);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, secretName.test(name) ? "[redacted]" : redactValue(value, depth)]),
  );
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return withoutCredentials(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth >= maxDepth) return "[deep]";
  if (value instanceof DragonflyError) return redactEntries({ ...value.toJSON(), ...causeOf(value) }, depth + 1);
  if (value instanceof Error) {
    return redactEntries(
      { name: value.name, message: value.message, stack: value.stack, ...causeOf(value) },
      depth + 1,
    );
  }
  if (Array.isArray(value)) return value.slice(0, maxItems).map((one) => redactValue(one, depth + 1));
  if (value instanceof Date || ArrayBuffer.isView(value) || value instanceof URL)
    return withoutCredentials(String(value));
  return redactEntries(value, depth + 1);
}

function causeOf(error: Error): { readonly cause?: unknown } {
  return error.cause === undefined ? {} : { cause: error.cause };
}
