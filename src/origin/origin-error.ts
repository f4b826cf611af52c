// What went wrong at an origin, as one line that says what, whose fault and what to do, and never shows a credential; and whether the
// same request may succeed a moment later.

import { DragonflyError } from "../core/error.ts";
import type { DoorResponse } from "../net/http-door.ts";
import { publicUrl } from "../wire/public-url.ts";

const untrusted = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REVOKED",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "CERT_SIGNATURE_FAILURE",
  "CERT_CHAIN_TOO_LONG",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "HOSTNAME_MISMATCH",
]);

/** Failures of name and protocol: asking again a second later gives the same. */
const lasting = new Set(["ENOTFOUND", "ERR_SSL_WRONG_VERSION_NUMBER", "EPROTO", "ERR_SSL_PACKET_LENGTH_TOO_LONG"]);

const transientStatuses = new Set([408, 425, 429, 500, 502, 503, 504, 507, 509]);

/** An answer that is neither content nor a redirect. `nowMs` is the wall clock, for a Retry-After that names a date. */
export function refusal(response: DoorResponse, url: string, nowMs: number): DragonflyError {
  const { status, statusText, headers } = response;
  const answer = `${status}${statusText === "" ? "" : ` ${statusText}`}`;
  const hint =
    status === 401 || status === 403
      ? "; if it wants credentials, pass them with -H 'Authorization: …'"
      : status === 407
        ? "; put the proxy's user and password into its URL"
        : "";
  const retryAfterMs = parseRetryAfter(headers["retry-after"], nowMs);
  return new DragonflyError("origin-refused", `the origin answered ${answer} for ${publicUrl(url)}${hint}`, {
    originStatus: status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** What a request threw, or a body broke with. Ours pass through; a fired signal becomes its own reason or `interrupted`. */
export function originFailure(thrown: unknown, url: string, signal: AbortSignal): DragonflyError {
  if (signal.aborted) return interruption(signal);
  if (thrown instanceof DragonflyError) return thrown;
  const shown = publicUrl(url);
  const { code, message } = rootCause(thrown);
  if (untrusted.has(code)) {
    const advice = "pass its authority with --cacert FILE or, at your own risk, --insecure-origin";
    return new DragonflyError("origin-untrusted", `the certificate of ${shown} is not trusted (${code}): ${advice}`, {
      cause: thrown,
    });
  }
  if (code === "UND_ERR_INVALID_ARG") {
    return new DragonflyError("bad-usage", `the request for ${shown} cannot be sent: ${message}`, { cause: thrown });
  }
  return new DragonflyError("origin-unreachable", `${reason(code, message, shown)}`, { cause: thrown });
}

export function interruption(signal: AbortSignal): DragonflyError {
  if (signal.reason instanceof DragonflyError) return signal.reason;
  return new DragonflyError("interrupted", "the download was interrupted", { cause: signal.reason });
}

/** Whether the same request may succeed a moment later. */
export function isTransient(error: DragonflyError): boolean {
  if (error.code === "origin-truncated") return true;
  if (error.code === "origin-refused") return transientStatuses.has(error.originStatus ?? 0);
  return isUnanswered(error);
}

/** Nothing answers where the origin should be; it, or the way to it, may be there again a moment later. */
export function isUnanswered(error: DragonflyError): boolean {
  return error.code === "origin-unreachable" && !lasting.has(rootCause(error).code);
}

function reason(code: string, message: string, shown: string): string {
  switch (code) {
    case "ENOTFOUND":
      return `the host name of ${shown} does not resolve: check the URL`;
    case "EAI_AGAIN":
      return `the host name of ${shown} could not be resolved: the name server does not answer`;
    case "ECONNREFUSED":
      return `nothing listens at ${shown} (connection refused)`;
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
      return `the origin broke the connection for ${shown}`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ENETDOWN":
      return `there is no way to ${shown} (${code}): is this machine's network up?`;
    case "ETIMEDOUT":
    case "UND_ERR_CONNECT_TIMEOUT":
      return `no connection to ${shown} within the time limit`;
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return `the origin sent nothing for too long for ${shown}`;
    default:
      return `${shown} cannot be read: ${message}`;
  }
}

/** Libraries wrap the system's error, once or several times; happy eyeballs give one error an address. */
function rootCause(thrown: unknown): { readonly code: string; readonly message: string } {
  let error = thrown;
  let code = "";
  let message = String(thrown);
  for (let depth = 0; depth < 5 && error instanceof Error; depth++) {
    message = error.message || message;
    if ("code" in error && typeof error.code === "string") code = error.code;
    error = error instanceof AggregateError ? (error.errors[0] ?? error.cause) : error.cause;
  }
  return { code, message };
}

/** RFC 9110, section 10.2.3: seconds or a date. */
function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
