// Errors as HTTP answers: RFC 9457 problem details, with our code and whom it blames.

import type { FastifyInstance } from "fastify";
import { DragonflyError } from "../core/error.ts";

export function useProblems(app: FastifyInstance): void {
  app.setErrorHandler((thrown, _request, reply) => {
    const error = toDragonfly(thrown);
    if (error.status === 401) void reply.header("www-authenticate", 'Bearer realm="dragonfly"');
    void reply.code(error.status).type("application/problem+json").send(problemOf(error));
  });
  app.setNotFoundHandler((request, reply) => {
    const error = new DragonflyError("not-found", `there is no ${request.method} ${request.url.split("?", 1)[0]}`);
    void reply.code(404).type("application/problem+json").send(problemOf(error));
  });
}

export function problemOf(error: DragonflyError): Record<string, unknown> {
  return {
    type: "about:blank",
    title: error.code,
    status: error.status,
    detail: error.message,
    ...error.toJSON(),
  };
}

/** What the HTTP server itself refuses (a broken body, a missing type) is the caller's fault. */
function toDragonfly(thrown: unknown): DragonflyError {
  const status = (thrown as { statusCode?: unknown }).statusCode;
  if (!(thrown instanceof DragonflyError) && typeof status === "number" && status >= 400 && status < 500) {
    return new DragonflyError("bad-usage", (thrown as Error).message, { cause: thrown });
  }
  return DragonflyError.from(thrown);
}
