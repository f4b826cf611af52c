// GET /api/v1/events: server-sent events for whoever looks on.

import type { FastifyInstance } from "fastify";
import { DragonflyError } from "../core/error.ts";
import type { TaskId } from "../core/ids.ts";
import type { LiveEvents } from "./live-events.ts";

interface Query {
  readonly Querystring: { readonly hosts?: string; readonly task?: string };
}

export function serveEvents(app: FastifyInstance, live: LiveEvents): void {
  app.get<Query>("/api/v1/events", async ({ query }, reply) => {
    const { task, hosts } = query;
    if (task !== undefined && !/^[0-9a-f]{64}$/.test(task)) {
      throw new DragonflyError("bad-usage", "task: is the id of a task, 64 hexadecimal digits");
    }
    const wanted = { task: task as TaskId | undefined, hosts: hosts !== undefined };
    live.check(wanted);
    reply.hijack();
    live.serve(reply.raw, wanted);
  });
}
