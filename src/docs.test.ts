// Holds the written pages of docs/ equal to the code: routes, metrics, error codes, variables, dependencies and links.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { FastifyInstance } from "fastify";
import { withApiTables } from "./cli/api-reference.ts";
import { errorCatalogue } from "./core/error.ts";
import { createLocalApi, type LocalApiOptions } from "./daemon/local-api.ts";
import { localRoutes } from "./daemon/local-api-routes.ts";
import { roles } from "./runtime/config.ts";
import { packageRoot } from "./runtime/package-root.ts";
import { namesOf } from "./runtime/resolve-settings.ts";
import { environmentName } from "./runtime/setting.ts";
import { type ApiOptions, createApi } from "./supernode/api.ts";
import { supernodeRoutes } from "./supernode/api-routes.ts";
import { metricsRegistries } from "./testing/metrics-registries.ts";
import type { ApiRoute } from "./wire/api-route.ts";

const root = packageRoot();
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = [
  ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"],
].filter((path) => path.endsWith(".md"));

/** What `pattern` captures in the text, sorted, each once. */
function found(text: string, pattern: RegExp): readonly string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match.slice(1).join(" ")))].sort();
}

async function routesOf(app: FastifyInstance): Promise<readonly string[]> {
  await app.ready();
  const segments: string[] = [];
  const routes: string[] = [];
  // Each line of the tree is indented by 4 for each segment before its own.
  for (const line of app.printRoutes({ commonPrefix: false }).split("\n")) {
    const [, indent = "", segment = "", methods = ""] = /^([│ ]*)[├└]── (\S*)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    if (segment === "") continue;
    segments.splice(indent.length / 4, Number.POSITIVE_INFINITY, segment);
    const path = segments.join("").replace(/:(\w+)/g, "{$1}");
    for (const method of methods.split(", ")) if (method !== "" && method !== "HEAD") routes.push(`${method} ${path}`);
  }
  await app.close();
  return routes.sort();
}

test("every route that is served is described, and every one that is described is served", async () => {
  const described = (routes: readonly ApiRoute[]) => routes.map(({ method, path }) => `${method} ${path}`).sort();
  // Registering a route touches nothing that it will use.
  assert.deepEqual(described(supernodeRoutes), await routesOf(createApi({} as ApiOptions)));
  assert.deepEqual(described(localRoutes), await routesOf(createLocalApi({} as LocalApiOptions)));
});

test("docs/api.md is what the routes say: run `node scripts/docs.js` after a change", () => {
  const page = read("docs/api.md");
  assert.match(page, /<!-- generated: supernode -->[\s\S]*<!-- generated: daemon -->/);
  assert.equal(page, withApiTables(page));
});

test("docs/metrics.md lists the metrics that are told", async () => {
  const registries = metricsRegistries();
  const told = registries.flatMap((registry) => registry.getMetricsAsArray().map(({ name }) => name));
  const own = told.filter((name) => name.startsWith("dragonfly_")).sort();
  assert.deepEqual(found(read("docs/metrics.md"), /^\| `(dragonfly_\w+)`/gm), own);
});

test("docs/metrics.md lists the values of every label, and there are no others", async () => {
  const page = read("docs/metrics.md");
  for (const registry of metricsRegistries()) {
    for (const { name, values } of await registry.getMetricsAsJSON()) {
      const told = values.flatMap(({ labels }) => Object.values(labels)).sort();
      const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\``)) ?? "";
      const labels = (row.split("|")[3] ?? "").replace(/^ `\w+`:/, "");
      assert.deepEqual(found(labels, /`(\w+)`/g), told, name);
    }
  }
});

test("docs/errors.md lists every code", () => {
  const codes = found(read("docs/errors.md"), /^\| `([a-z-]+)`/gm);
  assert.deepEqual(codes, Object.keys(errorCatalogue).sort());
});

test("every variable that a page names is one that is read", () => {
  const known = new Set(roles.flatMap(({ settings }) => Object.values(settings).flatMap(namesOf)).map(environmentName));
  const named = pages.flatMap((path) => found(read(path), /\b(DRAGONFLY_[A-Z][A-Z_]*)\b/g));
  assert.deepEqual(
    named.filter((name) => !known.has(name)),
    [],
  );
});

test("docs/dependencies.md says what each dependency is for", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  const names = [...Object.keys(dependencies), ...Object.keys(devDependencies)].sort();
  assert.deepEqual(found(read("docs/dependencies.md"), /^\| `([@\w/-]+)`/gm), names);
});

test("every link between the pages leads somewhere", () => {
  const broken = pages.flatMap((path) =>
    found(read(path), /\]\((?!https?:|#)([^)#\s]+)[^)]*\)|(?:src|srcset)="([^":]+)"/g)
      .map((target) => target.trim())
      .filter((target) => !existsSync(join(root, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  assert.deepEqual(broken, []);
});
