// Every route of the supernode: what the server checks by, and what its OpenAPI document is made from.

import { z } from "zod";
import type { ApiRoute } from "../wire/api-route.ts";
import { pageQuery } from "../wire/api-route.ts";
import {
  hexId,
  hostSchema,
  originSchema,
  peerSchema,
  preheatDetailSchema,
  preheatSchema,
  taskExplanationSchema,
  taskSchema,
} from "../wire/api-schema.ts";
import { json, serviceRoutes } from "../wire/service-routes.ts";
import { preheatBody } from "./preheat-request.ts";

const next = z.string().nullable().describe("the cursor of the next page; null on the last one");

export const tasksQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(["idle", "reading", "complete", "failed"]).optional().describe("only those"),
  url: z.string().max(4096).optional().describe("only those whose URL holds this"),
});
export const hostsQuery = z.strictObject({
  ...pageQuery,
  standing: z.enum(["free", "isolated", "probation"]).optional().describe("only those"),
  version: hexId(64).optional().describe("only those that take part in this version"),
});
export const peersQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(["fetching", "complete"]).optional().describe("only those"),
});
export const explainQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe("so many hosts at most, the slowest first"),
});
/** `task` and `hosts` are checked where they are served (live-api.ts). */
const eventsQuery = z.object({
  task: hexId(64).optional().describe("this task in detail"),
  hosts: z.string().optional().describe("present: the hosts as well"),
});

const empty = (meaning: string) => ({ status: 204, meaning });

export const supernodeRoutes: readonly ApiRoute[] = [
  {
    method: "GET",
    path: "/",
    summary: "The console.",
    answer: { status: 200, meaning: "Its page", type: "text/html" },
  },
  {
    method: "GET",
    path: "/console/{name}",
    summary: "A file of the console.",
    answer: { status: 200, meaning: "It", type: "*/*" },
  },
  ...serviceRoutes,
  {
    method: "GET",
    path: "/api/v1/tasks",
    summary: "What it seeds, ordered by version.",
    query: tasksQuery,
    answer: json(z.strictObject({ tasks: z.array(taskSchema), next }), "A page of them"),
  },
  {
    method: "GET",
    path: "/api/v1/tasks/{id}",
    summary: "One task, by its id or the id of a version.",
    answer: json(taskSchema),
  },
  {
    method: "DELETE",
    path: "/api/v1/tasks/{id}",
    summary: "Forgets a task and deletes its content here; hosts keep what they hold.",
    answer: empty("Forgotten"),
  },
  {
    method: "GET",
    path: "/api/v1/tasks/{id}/peers",
    summary: "Who takes part in a task now, ordered by host.",
    query: peersQuery,
    answer: json(z.strictObject({ peers: z.array(peerSchema), next }), "A page of them"),
  },
  {
    method: "GET",
    path: "/api/v1/tasks/{id}/explain",
    summary: "Why a task is as fast as it is, host by host.",
    query: explainQuery,
    answer: json(taskExplanationSchema),
  },
  {
    method: "GET",
    path: "/api/v1/hosts",
    summary: "The daemons that are connected, and those that are isolated, ordered by id.",
    query: hostsQuery,
    answer: json(z.strictObject({ hosts: z.array(hostSchema), next }), "A page of them"),
  },
  {
    method: "POST",
    path: "/api/v1/hosts/{id}/isolate",
    summary: "Introduces nobody to a host for a while.",
    answer: json(hostSchema, "The host"),
  },
  {
    method: "POST",
    path: "/api/v1/hosts/{id}/release",
    summary: "Ends that, and forgets its strikes.",
    answer: json(hostSchema, "The host"),
  },
  {
    method: "GET",
    path: "/api/v1/origins",
    summary: "Origins that failed lately.",
    answer: json(z.strictObject({ origins: z.array(originSchema) }), "Them"),
  },
  {
    method: "POST",
    path: "/api/v1/preheats",
    summary: "Begins a preheat.",
    body: preheatBody,
    answer: json(preheatSchema, "It begins; `location` names it", 202),
  },
  {
    method: "GET",
    path: "/api/v1/preheats",
    summary: "Preheats that run, and the last 256; the newest first.",
    answer: json(z.strictObject({ preheats: z.array(preheatSchema) }), "Them"),
  },
  {
    method: "GET",
    path: "/api/v1/preheats/{id}",
    summary: "One preheat, with each of its contents.",
    answer: json(preheatDetailSchema),
  },
  {
    method: "DELETE",
    path: "/api/v1/preheats/{id}",
    summary: "Cancels a preheat.",
    answer: empty("Cancelled"),
  },
  {
    method: "GET",
    path: "/api/v1/events",
    summary: "What goes on, live, as server-sent events.",
    query: eventsQuery,
    answer: { status: 200, meaning: "A stream of them", type: "text/event-stream" },
  },
];
