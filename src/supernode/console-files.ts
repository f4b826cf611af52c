// The console's files over HTTP: read and compressed once, told apart by their content, under a policy that lets the page load nothing from elsewhere.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { DragonflyError } from "../core/error.ts";
import { packageRoot } from "../runtime/package-root.ts";

interface ConsoleFile {
  readonly bytes: Buffer;
  readonly compressed: Buffer;
  readonly etag: string;
}

const page = "index.html";
const types: Readonly<Record<string, string>> = {
  [page]: "text/html; charset=utf-8",
  "console.js": "text/javascript; charset=utf-8",
  "console.css": "text/css; charset=utf-8",
  "icon.svg": "image/svg+xml",
};
const policy = [
  "default-src 'none'",
  ...["script-src", "style-src", "img-src", "connect-src"].map((kind) => `${kind} 'self'`),
  ...["base-uri", "form-action", "frame-ancestors"].map((kind) => `${kind} 'none'`),
].join("; ");

/** The page asks for a token itself; what it shows comes from the API. */
const open = { config: { access: "open" } } as const;

export function serveConsole(app: FastifyInstance): void {
  const files = new Map<string, Promise<ConsoleFile>>();
  const serve = async (name: string, request: FastifyRequest, reply: FastifyReply) => {
    const type = types[name];
    if (type === undefined) throw new DragonflyError("not-found", "the console has no such file");
    const known = files.get(name) ?? load(name);
    files.set(name, known);
    const { bytes, compressed, etag } = await known.catch((error: unknown) => {
      files.delete(name);
      throw error;
    });
    reply.headers({
      etag,
      "cache-control": "no-cache",
      "content-security-policy": policy,
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      vary: "accept-encoding",
    });
    const told = request.headers["if-none-match"]?.split(/\s*,\s*/) ?? [];
    if (told.some((one) => one.replace(/^W\//, "") === etag)) return reply.code(304).send();
    reply.type(type);
    if (!/\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""))) return reply.send(bytes);
    return reply.header("content-encoding", "gzip").send(compressed);
  };
  app.get("/", open, (request, reply) => serve(page, request, reply));
  app.get<{ Params: { name: string } }>("/console/:name", open, (request, reply) =>
    serve(request.params.name, request, reply),
  );
}

async function load(name: string): Promise<ConsoleFile> {
  const bytes = await readFile(join(packageRoot(), "dist", "console", name)).catch((cause: Error) => {
    throw new DragonflyError("not-found", "the console was not built: npm run build does it", { cause });
  });
  const compressed = await promisify(gzip)(bytes);
  return { bytes, compressed, etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"` };
}
