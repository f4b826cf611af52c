// The answers that carry content: their heads, as the distribution specification wants them, and their bytes. Nothing is sent before the first
// bytes are there, so that what fails early is an error with a status; what fails later breaks the connection before the last byte.

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { DragonflyError } from "../core/error.ts";
import type { Content, ContentStream } from "./content.ts";
import { manifestType } from "./manifest-type.ts";
import { multipart } from "./multipart.ts";
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
      return send(exchange, content, { status: 200, headers: { ...head, ...lengthHead(length) } });
    case "part": {
      const { first, last } = part;
      const headers = { ...head, "content-range": `bytes ${first}-${last}/${length}`, ...lengthHead(last - first + 1) };
      return send(exchange, content, { status: 206, headers, body: { parts: [{ before: "", part }], after: "" } });
    }
    case "parts": {
      const body = multipart(part.parts, { length: length ?? 0, type: head["content-type"] });
      const headers = { ...head, "content-type": body.contentType, ...lengthHead(body.contentLength) };
      return send(exchange, content, { status: 206, headers, body });
    }
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The whole content where it is left out. */
  readonly body?: {
    readonly parts: readonly { readonly before: string; readonly part: { first: number; last: number | null } }[];
    readonly after: string;
  };
}

const all = { parts: [{ before: "", part: { first: 0, last: null } }], after: "" };

async function send({ response, signal }: Exchange, content: Content, answer: Answer): Promise<void> {
  const { parts, after } = answer.body ?? all;
  let reading: Reading | undefined;
  let next = parts[0] && readWith(content, parts[0].part, signal);
  try {
    for (const [nth, { before }] of parts.entries()) {
      reading = next;
      // Opened before this one is at its end: a moment without a reader would end the download.
      const following = parts[nth + 1];
      next = following && readWith(content, following.part, signal);
      if (reading !== undefined) await copy(reading.body, { response, signal, before, answer });
    }
    if (!response.headersSent) response.writeHead(answer.status, answer.headers);
    if (!signal.aborted) response.end(after);
  } finally {
    reading?.leave();
    next?.leave();
  }
}

/** Head and `before` go out with the first bytes. */
async function copy(
  body: ContentStream,
  to: Pick<Exchange, "response" | "signal"> & { readonly before: string; readonly answer: Answer },
): Promise<void> {
  const { response, signal, answer } = to;
  let { before } = to;
  for await (const chunk of body) {
    if (!response.headersSent) response.writeHead(answer.status, answer.headers);
    if (before !== "") response.write(before);
    before = "";
    if (!response.write(chunk, () => body.giveBack(chunk))) await once(response, "drain", { signal });
  }
}

async function wholeOf(content: Content, signal: AbortSignal): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const { body, leave } = readWith(content, { first: 0, last: null }, signal);
  try {
    for await (const chunk of body) {
      parts.push(chunk);
      bytes += chunk.length;
      if (bytes > maxManifestBytes) {
        throw new DragonflyError("origin-refused", `the manifest is larger than ${maxManifestBytes >> 20} MiB`);
      }
    }
  } finally {
    leave();
  }
  return Buffer.concat(parts, bytes);
}

interface Reading {
  readonly body: ContentStream;
  /** Call it when it is not read any more. */
  leave(): void;
}

/** The body ends with its client. */
function readWith(
  content: Content,
  { first, last }: { readonly first: number; readonly last: number | null },
  signal: AbortSignal,
): Reading {
  const body = content.read(first, last);
  // One that fails before its turn is an error when its turn comes.
  body.on("error", () => {});
  const gone = (): void => void body.destroy();
  if (signal.aborted) gone();
  signal.addEventListener("abort", gone, { once: true });
  const leave = (): void => {
    signal.removeEventListener("abort", gone);
    body.destroy();
  };
  return { body, leave };
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
