// Every route of the daemon's local API, of which its OpenAPI document is made.

import { z } from "zod";
import type { ApiRoute } from "../wire/api-route.ts";
import { downloadRequestSchema, heldTaskSchema, statusSchema, taskExplanationSchema } from "../wire/api-schema.ts";
import { json, serviceRoutes } from "../wire/service-routes.ts";

export const localRoutes: readonly ApiRoute[] = [
  ...serviceRoutes,
  {
    method: "GET",
    path: "/api/v1/status",
    summary: "What runs here.",
    answer: json(statusSchema),
  },
  {
    method: "POST",
    path: "/api/v1/give-way",
    summary: "A daemon that dfget started leaves for one that is there to stay.",
    answer: { status: 202, meaning: "It leaves" },
  },
  {
    method: "POST",
    path: "/api/v1/downloads",
    summary: "Fetches content; told as JSON lines.",
    body: downloadRequestSchema,
    answer: { status: 200, meaning: "A stream of lines, the last `done` or `failed`", type: "application/x-ndjson" },
  },
  {
    method: "GET",
    path: "/api/v1/versions/{id}/content",
    summary: "Verified bytes of a version.",
    answer: { status: 200, meaning: "All of them", type: "application/octet-stream" },
    others: [{ status: 206, meaning: "Those of `Range`", type: "application/octet-stream" }],
  },
  {
    method: "POST",
    path: "/api/v1/versions/{id}/prove",
    summary: "Reads all that is kept of a version, and lets go of it where that is not what was verified.",
    answer: json(z.strictObject({ intact: z.boolean() }), "Whether nothing was found"),
  },
  {
    method: "GET",
    path: "/api/v1/tasks",
    summary: "What this host holds or fetches.",
    answer: json(z.strictObject({ tasks: z.array(heldTaskSchema) }), "All of it"),
  },
  {
    method: "GET",
    path: "/api/v1/tasks/{id}",
    summary: "One of them, by its id or the id of a version.",
    answer: json(heldTaskSchema),
  },
  {
    method: "GET",
    path: "/api/v1/tasks/{id}/explain",
    summary: "Why it came as fast as it did, of what this host fetched lately.",
    answer: json(taskExplanationSchema),
  },
  {
    method: "DELETE",
    path: "/api/v1/tasks/{id}",
    summary: "Stops it and deletes its content here.",
    answer: { status: 204, meaning: "Deleted" },
  },
];
