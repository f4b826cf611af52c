// The routes by which others watch over a process: whether it lives, whether it serves, and its numbers.

import type { FastifyInstance } from "fastify";
import type { Metrics } from "./metrics.ts";

export interface Watched {
  readonly metrics: Metrics;
  /** False from the moment it stops. */
  readonly ready: () => boolean;
}

/** Whoever watches a process has no token for it. */
const open = { config: { access: "open" } } as const;

export function serveHealth(app: FastifyInstance, watched: Watched): void {
  app.get("/healthz", open, async () => ({ status: "ok" }));
  app.get("/readyz", open, async (_request, reply) => {
    if (!watched.ready()) return reply.code(503).send({ status: "stopping" });
    return { status: "ready" };
  });
  app.get("/metrics", async (_request, reply) => {
    const { metrics } = watched;
    return reply.type(metrics.registry.contentType).send(await metrics.exposition());
  });
}
