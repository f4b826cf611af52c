// What programs on this machine ask the daemon, over its socket.

import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import fastify, { type FastifyInstance } from "fastify";
import { DragonflyError } from "../core/error.ts";
import type { TaskId, VersionId } from "../core/ids.ts";
import { serveHealth, type Watched } from "../net/health.ts";
import { fastifyLimits } from "../net/http-limits.ts";
import { problemOf, useProblems } from "../net/problem.ts";
import { packageVersion } from "../runtime/package-version.ts";
import type { Tracer } from "../runtime/tracing.ts";
import { proveHolding } from "../store/prove-holding.ts";
import type { Holding, Store } from "../store/store.ts";
import { readDownloadRequest } from "../wire/local-api.ts";
import { openApiOf } from "../wire/openapi.ts";
import { parseByteRange } from "../wire/task-key.ts";
import { openForClient } from "./client-ticket.ts";
import { Delivery } from "./delivery.ts";
import { localRoutes } from "./local-api-routes.ts";
import type { Transfers } from "./transfers.ts";

export interface LocalApiOptions extends Watched {
  readonly transfers: Transfers;
  readonly store: Store;
  readonly supernodes: readonly string[];
  /** Somebody is at work here: called when it begins; the result when it ends. */
  readonly busy: () => () => void;
  /** Leaves for another daemon; undefined for one that is there to stay. */
  readonly giveWay: (() => void) | undefined;
  readonly tracer: Tracer;
}

const maxClients = 4096;
const apiTitle = {
  title: "Dragonfly daemon",
  version: packageVersion,
  description:
    "What programs of this machine ask the daemon, over its socket. Errors are problem details (RFC 9457) with a code.",
};
const chunkBytes = 256 * 1024;

export function createLocalApi(options: LocalApiOptions): FastifyInstance {
  const { transfers, store } = options;
  const app = fastify({ logger: false, ...fastifyLimits, bodyLimit: 4 << 20 });
  useProblems(app);
  let clients = 0;

  serveHealth(app, options);
  const document = openApiOf(apiTitle, localRoutes);
  app.get("/api/v1/openapi.json", async () => document);
  app.get("/api/v1/status", async () => {
    return { version: packageVersion, supernodes: options.supernodes, standIn: options.giveWay !== undefined };
  });
  app.post("/api/v1/give-way", async (_request, reply) => {
    if (options.giveWay === undefined) throw new DragonflyError("bad-usage", "this daemon is there to stay");
    options.giveWay();
    return reply.code(202).send();
  });

  app.post("/api/v1/downloads", async (request, reply) => {
    const body = readDownloadRequest(request.body);
    if (clients >= maxClients) {
      throw new DragonflyError("overloaded", `${maxClients} downloads are waited for already`, { retryAfterMs: 1000 });
    }
    const range = body.range === undefined ? undefined : parseByteRange(body.range);
    const span = options.tracer.start("download", { kind: "server", parent: traceparentOf(request.headers) });
    const idle = options.busy();
    clients++;
    const left = new AbortController();
    reply.raw.once("close", () => left.abort(new DragonflyError("interrupted", "the client went away")));
    const signal = withTimeout(left.signal, body.timeoutMs);
    reply.hijack();
    try {
      const ticket = await openForClient(transfers, { ...body, range, traceparent: span.traceparent }, signal);
      reply.raw.writeHead(200, { "content-type": "application/x-ndjson" });
      if (body.order === "stream") ticket.transfer?.readAt(0);
      await new Delivery(reply.raw, ticket, body.order).run(body.digest, signal);
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      span.fail(error);
      const text = JSON.stringify(problemOf(error));
      reply.raw.writeHead(error.status, { "content-type": "application/problem+json" }).write(text);
    } finally {
      clients--;
      idle();
      span.end();
      reply.raw.end();
    }
  });

  app.get<{ Params: { id: string } }>("/api/v1/versions/:id/content", async (request, reply) => {
    const holding = store.find(request.params.id as VersionId);
    if (holding === undefined) throw new DragonflyError("not-found", "this host does not hold the version");
    const length = holding.version.length ?? holding.endBytes;
    const range = request.headers.range === undefined ? undefined : parseByteRange(request.headers.range);
    const first = range?.first ?? 0;
    const last = Math.min(range?.last ?? length - 1, length - 1);
    if (first > last && length > 0) throw new DragonflyError("bad-usage", `the content has ${length} bytes`);
    if (range !== undefined) void reply.code(206).header("content-range", `bytes ${first}-${last}/${length}`);
    void reply.header("content-length", last - first + 1).type("application/octet-stream");
    return reply.send(Readable.from(bytesOf(holding, first, last + 1), { objectMode: false }));
  });

  app.post<{ Params: { id: string } }>("/api/v1/versions/:id/prove", async (request) => {
    const holding = store.find(request.params.id as VersionId);
    return { intact: holding === undefined || (await proveHolding(store, holding)) };
  });

  app.get("/api/v1/tasks", async () => ({ tasks: [...store.all()].map((holding) => describe(holding, transfers)) }));
  app.get<{ Params: { id: string } }>("/api/v1/tasks/:id", async (request) => {
    return describe(holdingOf(store, request.params.id), transfers);
  });
  app.get<{ Params: { id: string } }>("/api/v1/tasks/:id/explain", async (request) => {
    const { version } = holdingOf(store, request.params.id);
    const explanation = transfers.running.explanation(version.id);
    const hosts = explanation === undefined ? [] : [explanation];
    return { task: version.taskId, version: version.id, url: version.url, length: version.length, hosts };
  });
  app.delete<{ Params: { id: string } }>("/api/v1/tasks/:id", async (request, reply) => {
    const holding = holdingOf(store, request.params.id);
    transfers.running
      .get(holding.version.id)
      ?.transfer.fail(new DragonflyError("interrupted", "the task was removed from this host"));
    await store.remove(holding.version.id);
    return reply.code(204).send();
  });
  return app;
}

function traceparentOf({ traceparent }: IncomingHttpHeaders): string | undefined {
  return typeof traceparent === "string" ? traceparent.slice(0, 64) : undefined;
}

function holdingOf(store: Store, id: string): Holding {
  const holding = store.latest(id as TaskId) ?? store.find(id as VersionId);
  if (holding === undefined) throw new DragonflyError("not-found", `this host has nothing of task ${id.slice(0, 64)}`);
  return holding;
}

function describe(holding: Holding, transfers: Transfers) {
  const { id, taskId, url, length, pieceLength } = holding.version;
  const transfer = transfers.running.get(id)?.transfer;
  return {
    id: taskId,
    version: id,
    url,
    state: transfer === undefined ? holding.state : "fetching",
    length,
    pieceLength,
    heldPieces: holding.held.count,
    digest: holding.digest === undefined ? null : `sha256:${holding.digest}`,
    bytesBySource: transfer?.from ?? null,
    usedAt: new Date(holding.usedAtMs).toISOString(),
  };
}

async function* bytesOf(holding: Holding, start: number, end: number): AsyncGenerator<Uint8Array> {
  const release = holding.acquire();
  try {
    for (let at = start; at < end; ) {
      const length = Math.min(chunkBytes, end - at);
      const chunk = Buffer.allocUnsafe(length);
      const read = await holding.readAt(at, chunk, length);
      yield chunk.subarray(0, read);
      at += read;
    }
  } finally {
    release();
  }
}

function withTimeout(signal: AbortSignal, timeoutMs: number | undefined): AbortSignal {
  if (timeoutMs === undefined || timeoutMs === 0) return signal;
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort(new DragonflyError("timed-out", `the download took longer than ${timeoutMs / 1000} s`));
  }, timeoutMs);
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return AbortSignal.any([signal, timeout.signal]);
}
