// The routes by which others watch over a process: whether it lives, whether it serves, and its numbers.

import type { FastifyInstance } from "fastify";
import type { Metrics } from "./metrics.ts";

export interface Watched {
  readonly metrics: Metrics;
  /** False from the moment it stops. */
  readonly ready: () => boolean;
}

export function serveHealth(app: FastifyInstance, watched: Watched): void {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    if (!watched.ready()) return reply.code(503).send({ status: "stopping" });
    return { status: "ready" };
  });
  app.get("/metrics", async (_request, reply) => {
    const { metrics } = watched;
    return reply.type(metrics.registry.contentType).send(await metrics.exposition());
  });
}
