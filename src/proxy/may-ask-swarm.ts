// Whether a request may be answered from the swarm at all, by the words of its client. Pure policy.

import type { IncomingMessage } from "node:http";
import { cacheDirectives } from "../origin/sharing.ts";

export function mayAskSwarm({ method, headers }: Pick<IncomingMessage, "method" | "headers">): boolean {
  if (method !== "GET") return false;
  if (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0) return false;
  if (headers.upgrade !== undefined || headers["if-match"] !== undefined) return false;
  if (headers["if-unmodified-since"] !== undefined) return false;
  const wishes = cacheDirectives(headers["cache-control"] ?? headers.pragma);
  // Who wants the origin's own word gets it.
  return !wishes.has("no-store") && !wishes.has("no-cache");
}
