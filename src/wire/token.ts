// A token as text: what its bearer needs to find the cluster, to know it again, and to be let in. The supernode knows the text by its digest, so
// that nothing in it can be altered.

import { DragonflyError } from "../core/error.ts";
import { type Role, roles } from "../core/role.ts";

export interface Token {
  readonly id: string;
  readonly role: Role;
  /** Random, in base64url. */
  readonly secret: string;
  /** SHA-256 of the authority's certificate (DER), in hexadecimal. */
  readonly authority: string;
  /** host:port each, to be tried in this order. */
  readonly supernodes: readonly string[];
  /** Milliseconds since 1970; null: never. */
  readonly expiresAtMs: number | null;
  /** Hosts that may join with it; null: any number. */
  readonly uses: number | null;
}

const prefix = "dragonfly1_";
const maxLength = 8192;
export const tokenId = /^[0-9a-f]{16}$/;

export function formatToken(token: Token): string {
  return prefix + Buffer.from(JSON.stringify(token)).toString("base64url");
}

/** Errors: `bad-usage`, which never quotes the text. */
export function parseToken(text: string): Token {
  const body = text.trim();
  if (body.startsWith(prefix) && body.length <= maxLength) {
    try {
      const token: unknown = JSON.parse(Buffer.from(body.slice(prefix.length), "base64url").toString("utf8"));
      if (isToken(token)) return token;
    } catch {
      // Said below.
    }
  }
  throw new DragonflyError(
    "bad-usage",
    "this is no token of Dragonfly, or not all of it: dragonfly token create prints one",
  );
}

function isToken(value: unknown): value is Token {
  if (typeof value !== "object" || value === null) return false;
  const { id, role, secret, authority, supernodes, expiresAtMs, uses } = value as Partial<Record<keyof Token, unknown>>;
  return (
    matches(id, tokenId) &&
    roles.some((one) => one === role) &&
    matches(secret, /^[\w-]{16,128}$/) &&
    matches(authority, /^[0-9a-f]{64}$/) &&
    Array.isArray(supernodes) &&
    supernodes.length > 0 &&
    supernodes.length <= 16 &&
    supernodes.every((one) => matches(one, /^[\w.:[\]-]{3,300}$/)) &&
    isCount(expiresAtMs) &&
    isCount(uses)
  );
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}

function isCount(value: unknown): boolean {
  return value === null || (typeof value === "number" && Number.isSafeInteger(value) && value >= 0);
}
