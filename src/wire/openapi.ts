// An OpenAPI 3.1 document from a table of routes.

import { z } from "zod";
import type { ApiAnswer, ApiRoute } from "./api-route.ts";
import { problemSchema } from "./api-schema.ts";

type Json = Readonly<Record<string, unknown>>;

export interface ApiTitle {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

export function openApiOf(info: ApiTitle, routes: readonly ApiRoute[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    operations[route.method.toLowerCase()] = operationOf(route);
    paths[route.path] = operations;
  }
  const license = { name: "Apache-2.0", identifier: "Apache-2.0" };
  const Problem = jsonSchema(problemSchema, "output");
  return { openapi: "3.1.0", info: { ...info, license }, paths, components: { schemas: { Problem } } };
}

function operationOf({ method, path, summary, query, body, answer, others = [] }: ApiRoute): Json {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const inPath = names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const refused = { description: "Refused", content: problemContent };
  return {
    operationId: `${method.toLowerCase()}${path.replace(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase()).replace(/\W/g, "")}`,
    summary,
    parameters: [...inPath, ...(query === undefined ? [] : queryParameters(query))],
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(jsonSchema(body, "input")) } }),
    responses: Object.fromEntries([...[answer, ...others].map(responseOf), ["default", refused]]),
  };
}

const problemContent = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };

function responseOf({ status, meaning, schema, type }: ApiAnswer): readonly [string, Json] {
  const other = type === undefined ? {} : { content: { [type]: { schema: { type: "string" } } } };
  const content = schema === undefined ? other : { content: json(jsonSchema(schema, "output")) };
  return [String(status), { description: meaning, ...content }];
}

function queryParameters(query: z.ZodObject): readonly Json[] {
  return Object.entries(query.shape).map(([name, kind]) => {
    const schema = jsonSchema(kind as z.ZodType, "input");
    const { description, ...rest } = schema;
    return { name, in: "query", required: false, ...(description === undefined ? {} : { description }), schema: rest };
  });
}

function json(schema: Json): Json {
  return { "application/json": { schema } };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
