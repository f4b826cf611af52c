// Which of a client's headers its origin is asked with when the content comes from the swarm. What is left out says nothing of rights and
// differs from run to run: each set of headers that could be credentials is shown to the origin before it is given anything.

import type { IncomingHttpHeaders } from "node:http";

/** The connection's, the proxy's and those of the read itself. */
const notPassed = new Set([
  ...["connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te", "trailer"],
  ...["transfer-encoding", "content-length", "content-type", "upgrade", "expect", "host", "http2-settings"],
  ...["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"],
  ...["accept-encoding", "cache-control", "pragma", "via", "forwarded", "max-forwards"],
]);
/** Tracing, statistics and the manners of browsers and package managers. */
const idle = new Set([
  ...["dnt", "sec-gpc", "priority", "upgrade-insecure-requests", "origin", "from", "purpose", "save-data"],
  ...["traceparent", "tracestate", "baggage", "b3", "x-request-id", "x-correlation-id", "x-amzn-trace-id"],
  ...["x-requested-with", "x-real-ip", "npm-session", "npm-command", "npm-scope", "npm-in-ci", "x-npm-client"],
]);
const idlePrefixes = ["x-forwarded-", "x-b3-", "sec-fetch-", "sec-ch-", "pacote-", "x-artifactory-client"];

export function originHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const named = new Set(
    String(headers.connection ?? "")
      .split(",")
      .map((name) => name.trim().toLowerCase()),
  );
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || notPassed.has(name) || idle.has(name) || named.has(name)) continue;
    if (idlePrefixes.some((prefix) => name.startsWith(prefix))) continue;
    kept[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return kept;
}
