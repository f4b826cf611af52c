// Preheats over HTTP: started, watched and cancelled. Credentials come in and never go out.

import type { FastifyInstance } from "fastify";
import type { Preheat } from "./preheat.ts";
import type { PreheatChild } from "./preheat-child.ts";
import { parsePreheatRequest } from "./preheat-request.ts";
import type { Preheats } from "./preheats.ts";

interface ById {
  readonly Params: { readonly id: string };
}

const operate = { config: { access: "operate" } } as const;

export function servePreheats(app: FastifyInstance, preheats: Preheats): void {
  app.post("/api/v1/preheats", operate, async (request, reply) => {
    const preheat = preheats.start(parsePreheatRequest(request.body));
    return reply.code(202).header("location", `/api/v1/preheats/${preheat.id}`).send(describePreheat(preheat));
  });
  app.get("/api/v1/preheats", async () => ({ preheats: preheats.all.map(describePreheat) }));
  app.get<ById>("/api/v1/preheats/:id", async ({ params }) => {
    const preheat = preheats.get(params.id);
    return { ...describePreheat(preheat), children: preheat.children.map(describeChild) };
  });
  app.delete<ById>("/api/v1/preheats/:id", operate, async ({ params }, reply) => {
    preheats.cancel(params.id);
    return reply.code(204).send();
  });
}

function describePreheat(preheat: Preheat) {
  const { id, type, url, to, platforms, state, hosts, bytes, totalBytes, createdAtMs, finishedAtMs, error } = preheat;
  return {
    id,
    type,
    url,
    to,
    platforms,
    state,
    hosts,
    bytes,
    totalBytes,
    contents: preheat.childCounts,
    createdAt: new Date(createdAtMs).toISOString(),
    finishedAt: finishedAtMs === undefined ? null : new Date(finishedAtMs).toISOString(),
    ...(error === undefined ? {} : { error }),
  };
}

function describeChild(child: PreheatChild) {
  const { content, state, length, bytes, seed, seedBytes, hostCounts, failures } = child;
  return {
    ...content,
    length,
    state,
    bytes,
    seed: {
      state: seed.state,
      bytes: seedBytes,
      attempts: seed.attempts,
      ...(seed.error === undefined ? {} : { error: seed.error }),
    },
    hosts: hostCounts,
    failures,
  };
}
