// The routes that every program of the cluster serves alike: health, metrics, and what it serves.

import type { z } from "zod";
import type { ApiRoute } from "./api-route.ts";
import { documentSchema, healthSchema, readySchema, stoppingSchema } from "./api-schema.ts";

/** An answer in JSON. */
export const json = (schema: z.ZodType, meaning = "It", status = 200) => ({ status, meaning, schema });

export const serviceRoutes: readonly ApiRoute[] = [
  {
    method: "GET",
    path: "/healthz",
    summary: "Whether the process answers.",
    answer: json(healthSchema, "It does"),
  },
  {
    method: "GET",
    path: "/readyz",
    summary: "Whether it serves.",
    answer: json(readySchema, "It does"),
    others: [json(stoppingSchema, "It stops", 503)],
  },
  {
    method: "GET",
    path: "/metrics",
    summary: "Numbers for Prometheus.",
    answer: { status: 200, meaning: "Them", type: "text/plain" },
  },
  {
    method: "GET",
    path: "/api/v1/openapi.json",
    summary: "This document.",
    answer: json(documentSchema),
  },
];
