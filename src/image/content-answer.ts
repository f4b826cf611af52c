// The answers that carry content: their heads, as the distribution specification wants them, and their bytes. Nothing is sent before the first
// bytes are there, so that what fails early is an error with a status; what fails later breaks the connection before the last byte.

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { DragonflyError } from "../core/error.ts";
import type { Content, ContentStream } from "./content.ts";
import { manifestType } from "./manifest-type.ts";
import type { Exchange } from "./passage.ts";
import type { Digest } from "./registry-path.ts";
import { requestedPart } from "./requested-part.ts";

/** Registries refuse larger ones, at 4 MiB as a rule. */
const maxManifestBytes = 8 << 20;

export async function sendManifest(exchange: Exchange, content: Content, digest: Digest): Promise<void> {
  const { request, response, signal } = exchange;
  const bytes = await wholeOf(content, signal);
  const type = manifestType(bytes);
  if (type === undefined)
    throw new DragonflyError("origin-refused", `what the registry has as ${digest} is no manifest`);
  response.writeHead(200, { ...headOf(digest), "content-type": type, "content-length": bytes.length });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

/** Whether the client says that it has this content (RFC 9110, section 13.1.2). */
export function isKnown({ headers }: IncomingMessage, digest: Digest): boolean {
  const etags = headers["if-none-match"]?.split(",").map((etag) => etag.trim().replace(/^W\//, ""));
  return etags?.some((etag) => etag === "*" || etag === `"${digest}"`) ?? false;
}

export function sendUnchanged(response: ServerResponse, content: Content, digest: Digest): void {
  content.leave();
  response.writeHead(304, headOf(digest)).end();
}

export function sendBlobHead(response: ServerResponse, length: number | null, digest: Digest): void {
  response.writeHead(200, { ...blobHead(digest), ...lengthHead(length) }).end();
}

export function sendBlob(exchange: Exchange, content: Content, digest: Digest): Promise<void> {
  return sendContent(exchange, content, { head: blobHead(digest), always: headOf(digest), validator: `"${digest}"` });
}

export interface ContentHead {
  readonly head: { readonly "content-type": string; readonly [name: string]: string };
  /** What an answer without content has as well. */
  readonly always: Readonly<Record<string, string>>;
  /** What If-Range must name. */
  readonly validator: string;
}

/** The content, the part of it that is asked for, or 416. */
export async function sendContent(
  exchange: Exchange,
  content: Content,
  { head, always, validator }: ContentHead,
): Promise<void> {
  const { length } = content;
  const part = requestedPart(exchange.request.headers, { length, etag: validator });
  switch (part.kind) {
    case "beyond":
      content.leave();
      exchange.response.writeHead(416, {
        ...always,
        "content-range": `bytes */${length}`,
        "content-length": 0,
      });
      exchange.response.end();
      return;
    case "whole":
      return send(exchange, content.read(0, null), { status: 200, headers: { ...head, ...lengthHead(length) } });
    case "part": {
      const { first, last } = part;
      const headers = { ...head, "content-range": `bytes ${first}-${last}/${length}`, ...lengthHead(last - first + 1) };
      return send(exchange, content.read(first, last), { status: 206, headers });
    }
  }
}

async function send(
  { response, signal }: Exchange,
  body: ContentStream,
  head: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
): Promise<void> {
  const stay = leaveWith(body, signal);
  try {
    for await (const chunk of body) {
      if (!response.headersSent) response.writeHead(head.status, head.headers);
      if (!response.write(chunk, () => body.giveBack(chunk))) await once(response, "drain", { signal });
    }
    if (!response.headersSent) response.writeHead(head.status, head.headers);
    if (!signal.aborted) response.end();
  } finally {
    stay();
  }
}

async function wholeOf(content: Content, signal: AbortSignal): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const body = content.read(0, null);
  const stay = leaveWith(body, signal);
  try {
    for await (const chunk of body) {
      parts.push(chunk);
      bytes += chunk.length;
      if (bytes > maxManifestBytes) {
        throw new DragonflyError("origin-refused", `the manifest is larger than ${maxManifestBytes >> 20} MiB`);
      }
    }
  } finally {
    stay();
  }
  return Buffer.concat(parts, bytes);
}

/** The body ends with its client. Call the result when it is not read any more. */
function leaveWith(body: ContentStream, signal: AbortSignal): () => void {
  const leave = (): void => void body.destroy();
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  return () => {
    signal.removeEventListener("abort", leave);
    body.destroy();
  };
}

function headOf(digest: Digest) {
  return {
    etag: `"${digest}"`,
    "docker-content-digest": digest,
    "docker-distribution-api-version": "registry/2.0",
  };
}

function blobHead(digest: Digest) {
  return { ...headOf(digest), "content-type": "application/octet-stream", "accept-ranges": "bytes" };
}

function lengthHead(length: number | null): Record<string, string> {
  return length === null ? {} : { "content-length": String(length) };
}
