// The generated parts of docs/api.md: the routes and what they answer, from the tables that the servers themselves go by. What is written by hand
// around them stays.

import { z } from "zod";
import { localRoutes } from "../daemon/local-api-routes.ts";
import { supernodeRoutes } from "../supernode/api-routes.ts";
import type { ApiRoute } from "../wire/api-route.ts";
import { markdownTable } from "./markdown-table.ts";

/** The page with its generated parts as they are now: each is between `<!-- generated: NAME -->` and `<!-- end -->`. */
export function withApiTables(page: string): string {
  const parts: Readonly<Record<string, readonly ApiRoute[]>> = { supernode: supernodeRoutes, daemon: localRoutes };
  return page.replace(
    /(<!-- generated: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => `${begin}\n${routesText(parts[name] ?? [])}\n${end}`,
  );
}

function routesText(routes: readonly ApiRoute[]): string {
  const rows = routes.map(({ method, path, summary, answer }) => [
    `\`${method} ${path}\``,
    summary,
    String(answer.status),
  ]);
  const asked = routes.filter(({ query, body }) => query !== undefined || body !== undefined);
  const shapes = routes.filter(({ answer, path }) => answer.schema !== undefined && path.startsWith("/api/v1/"));
  return [
    markdownTable(["route", "", "answer"], rows),
    "What they take:\n",
    ...asked.map((route) => `- \`${route.method} ${route.path}\`: ${inputOf(route)}`),
    "\nWhat they answer, `?` being for what may be absent:\n",
    "```text",
    ...answersText(shapes),
    "```\n",
  ].join("\n");
}

/** Each shape once: where another route answers the same, it says so. */
function answersText(routes: readonly ApiRoute[]): readonly string[] {
  const first = new Map<string, string>();
  return routes.map(({ method, path, answer }) => {
    const name = `${method} ${path}`;
    const shape = z.toJSONSchema(answer.schema ?? z.undefined(), { unrepresentable: "any" }) as Shape;
    const text = fieldsOf(shape)
      .map((field) => `\n  ${field}`)
      .join("");
    const same = first.get(text);
    if (same === undefined) first.set(text, name);
    return same === undefined ? `${name}${text}` : `${name}\n  as ${same}`;
  });
}

function inputOf({ query, body }: ApiRoute): string {
  if (body !== undefined) return `\`${shapeOf(body)}\``;
  const names = Object.entries(query?.shape ?? {}).map(([name, kind]) => {
    const { description } = z.toJSONSchema(kind as z.ZodType, { io: "input", unrepresentable: "any" });
    return `\`${name}\`${description === undefined ? "" : ` (${description})`}`;
  });
  return names.join(", ");
}

interface Shape {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly additionalProperties?: Shape | boolean;
  readonly propertyNames?: Shape;
}

function shapeOf(schema: z.ZodType | undefined): string {
  return schema === undefined ? "" : written(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Shape);
}

function written(shape: Shape): string {
  const choices = shape.anyOf ?? shape.oneOf;
  if (choices !== undefined) return choices.map(written).join(" | ");
  if (shape.enum !== undefined) return shape.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (shape.const !== undefined) return JSON.stringify(shape.const);
  if (shape.type === "array") return `[${shape.items === undefined ? "" : written(shape.items)}, …]`;
  if (shape.type !== "object") return [shape.type ?? "any"].flat().join(" | ");
  const fields = fieldsOf(shape);
  return fields.length === 0 ? "{ … }" : `{ ${fields.join(", ")} }`;
}

function fieldsOf(shape: Shape): readonly string[] {
  const fields = Object.entries(shape.properties ?? {}).map(([name, field]) => {
    return `${name}${shape.required?.includes(name) === true ? "" : "?"}: ${written(field)}`;
  });
  if (typeof shape.additionalProperties === "object" && shape.propertyNames !== undefined)
    fields.push(`[${written(shape.propertyNames)}]: ${written(shape.additionalProperties)}`);
  return fields;
}
