// Errors as registries tell them (OCI distribution specification 1.1, "Error Codes"): engines show these words to their users.

import type { ServerResponse } from "node:http";
import type { DragonflyError } from "../core/error.ts";
import type { ContentPath } from "./registry-path.ts";

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the registry refused keeps its status; what failed on the way there is a 502 or what our own errors are. */
export function registryError(error: DragonflyError, kind?: ContentPath["kind"]): RegistryAnswer {
  const { originStatus = 0, retryAfterMs } = error;
  const status =
    error.code === "origin-refused" && originStatus >= 400 && originStatus < 500 ? originStatus : error.status;
  // What follows a semicolon is advice for the users of dfget.
  const [message = ""] = error.message.split("; ");
  const said = { code: codeOf(status, kind), message, detail: { ...error.toJSON(), message } };
  return {
    status,
    headers: {
      "content-type": "application/json",
      ...(retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }),
    },
    body: JSON.stringify({ errors: [said] }),
  };
}

/** A HEAD is answered without a body, and so is a client that has left. */
export function sendRegistryError(
  response: ServerResponse,
  answer: RegistryAnswer,
  more: Readonly<Record<string, string>> = {},
): void {
  const length = String(Buffer.byteLength(answer.body));
  response.writeHead(answer.status, { ...answer.headers, "content-length": length, ...more });
  response.end(response.req.method === "HEAD" ? undefined : answer.body);
}

function codeOf(status: number, kind: ContentPath["kind"] | undefined): string {
  switch (status) {
    case 400:
      return "UNSUPPORTED";
    case 401:
      return "UNAUTHORIZED";
    case 403:
      return "DENIED";
    case 404:
      return kind === undefined ? "NAME_UNKNOWN" : kind === "blob" ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN";
    case 429:
      return "TOOMANYREQUESTS";
    default:
      return status >= 500 ? "UNAVAILABLE" : "UNKNOWN";
  }
}
