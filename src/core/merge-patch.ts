// JSON Merge Patch (RFC 7396): what changed between two objects, as an object. `undefined` counts as absent; a null would mean "removed", so that
// states which are told this way hold none.

export type Json = string | number | boolean | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}
export type Patch = Json | null | { readonly [key: string]: Patch };

/** What makes `to` of `from`; undefined when they are equal. Arrays are replaced as a whole. */
export function mergePatch(from: JsonObject, to: JsonObject): Patch | undefined {
  const patch: Record<string, Patch> = {};
  let changed = false;
  for (const key in to) {
    const next = to[key];
    const part = next === undefined ? undefined : difference(from[key], next);
    if (part === undefined) continue;
    patch[key] = part;
    changed = true;
  }
  for (const key in from) {
    if (from[key] === undefined || to[key] !== undefined) continue;
    patch[key] = null;
    changed = true;
  }
  return changed ? patch : undefined;
}

/** Leaves `target` as it is; what did not change is shared with it, so that identity tells what changed. */
export function applyPatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, part] of Object.entries(patch)) {
    if (part === null) delete merged[key];
    else merged[key] = applyPatch(merged[key], part);
  }
  return merged;
}

function difference(from: Json | undefined, to: Json): Patch | undefined {
  if (from === to) return undefined;
  if (isObject(from) && isObject(to)) return mergePatch(from as JsonObject, to as JsonObject);
  if (Array.isArray(from) && Array.isArray(to) && sameItems(from, to)) return undefined;
  return to;
}

function sameItems(a: readonly Json[], b: readonly Json[]): boolean {
  return a.length === b.length && a.every((item, at) => difference(item, b[at] as Json) === undefined);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
