// The OpenAPI documents: valid, whole, and true of what the servers answer.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { localRoutes } from "./daemon/local-api-routes.ts";
import { Daemon, download, Supernode } from "./index.ts";
import { supernodeRoutes } from "./supernode/api-routes.ts";
import { TestOrigin, testContent } from "./testing/test-origin.ts";
import type { ApiRoute } from "./wire/api-route.ts";
import { downloadRequestSchema, problemSchema } from "./wire/api-schema.ts";
import { readDownloadRequest } from "./wire/local-api.ts";

const content = testContent(300_000);

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

type Asker = (ask: Ask) => Promise<Answer>;

/** At an address, or at a socket. A stream that never ends is broken off after its first bytes. */
function asker(at: { readonly port: string } | { readonly socketPath: string }): Asker {
  return ({ method, path, body }) =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const asked = request({ ...at, host: "127.0.0.1", method, path, headers, agent: false });
      asked.once("error", reject);
      asked.once("response", (response) => {
        const { statusCode: status = 0 } = response;
        const type = String(response.headers["content-type"] ?? "").split(";")[0] ?? "";
        let text = "";
        const end = (): void => resolve({ status, type, text });
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
          if (type !== "text/event-stream") return;
          end();
          response.destroy();
        });
        response.once("end", end);
      });
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

async function stage(t: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), "dragonfly-api-"));
  const origin = await TestOrigin.start({ content });
  const supernode = await Supernode.start({ listen: "127.0.0.1:0", dataDir: join(dataDir, "s") });
  const socket = join(dataDir, "d.sock");
  const common = { listen: "127.0.0.1:0", proxy: "off", socket, dataDir: join(dataDir, "d") };
  const daemon = await Daemon.start({ ...common, supernode: supernode.url });
  t.after(async () => {
    await daemon.close();
    await supernode.close();
    await origin.close();
    await rm(dataDir, { recursive: true });
  });
  const { taskId } = await download(origin.url(), { daemon, output: join(dataDir, "out") });
  const { port } = new URL(supernode.url);
  return { task: taskId ?? "", url: origin.url(), supernode: asker({ port }), daemon: asker({ socketPath: socket }) };
}

/** What a route answers is one of the answers that it names, with a body as it says. */
async function holds(
  ask: Asker,
  route: ApiRoute,
  values: Readonly<Record<string, string>>,
  body?: unknown,
): Promise<Answer> {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "none");
  const answer = await ask({ method: route.method, path, body });
  const what = `${route.method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`;
  const named = [route.answer, ...(route.others ?? [])].find(({ status }) => status === answer.status);
  assert.ok(named !== undefined, what);
  if (named.schema !== undefined) {
    const result = named.schema.safeParse(JSON.parse(answer.text));
    assert.ok(result.success, `${what}: ${JSON.stringify(result.error?.issues)}`);
    assert.equal(answer.type, "application/json", what);
  } else if (named.type === undefined) assert.equal(answer.text, "", what);
  else if (named.type !== "*/*") assert.equal(answer.type, named.type, what);
  return answer;
}

async function refuses(ask: Asker, route: Ask, status: number, code: string): Promise<void> {
  const answer = await ask(route);
  assert.deepEqual([answer.status, answer.type], [status, "application/problem+json"], `${route.method} ${route.path}`);
  assert.equal(problemSchema.parse(JSON.parse(answer.text)).code, code);
}

const find = (routes: readonly ApiRoute[], method: string, path: string): ApiRoute => {
  const route = routes.find((one) => one.method === method && one.path === path);
  assert.ok(route, `${method} ${path}`);
  return route;
};

test("the supernode answers each route as its document says", async (t) => {
  const { task, url, supernode: ask } = await stage(t);
  const { hosts } = JSON.parse((await ask({ method: "GET", path: "/api/v1/hosts" })).text);
  const page = (await ask({ method: "GET", path: "/" })).text;
  const body = { type: "file", url };
  const begun = await holds(ask, find(supernodeRoutes, "POST", "/api/v1/preheats"), {}, body);
  const name = /console\/([\w.-]+)"/.exec(page)?.[1] ?? "";
  const idOf = (path: string): string =>
    path.includes("/hosts/") ? hosts[0].id : path.includes("/preheats/") ? JSON.parse(begun.text).id : task;
  const last = (route: ApiRoute): number => (route.method === "DELETE" ? 1 : 0);
  for (const route of [...supernodeRoutes].sort((a, b) => last(a) - last(b))) {
    if (route.body === undefined) await holds(ask, route, { id: idOf(route.path), name });
  }
  for (const route of supernodeRoutes.filter(({ path }) => path.includes("{id}"))) {
    await refuses(ask, { method: route.method, path: route.path.replace("{id}", "0".repeat(64)) }, 404, "not-found");
  }
  for (const { path } of supernodeRoutes.filter(({ query }) => query !== undefined)) {
    const asked = { method: "GET", path: `${path.replace("{id}", task)}?limit=0&task=x` };
    if (!path.includes("{id}")) await refuses(ask, asked, 400, "bad-usage");
  }
  await refuses(ask, { method: "POST", path: "/api/v1/preheats", body: {} }, 400, "bad-usage");
  await refuses(ask, { method: "GET", path: "/api/v1/nothing" }, 404, "not-found");
});

test("the daemon answers each route as its document says", async (t) => {
  const { task, url, daemon: ask } = await stage(t);
  const { tasks } = JSON.parse((await ask({ method: "GET", path: "/api/v1/tasks" })).text);
  const body = { url, headers: {}, backToSource: true, order: "any" };
  await holds(ask, find(localRoutes, "POST", "/api/v1/downloads"), {}, body);
  const last = (route: ApiRoute): number => (route.method === "DELETE" ? 1 : 0);
  for (const route of [...localRoutes].sort((a, b) => last(a) - last(b))) {
    const id = route.path.includes("/versions/") ? tasks[0].version : task;
    // Of a daemon that nobody started for a while this is refused.
    if (route.path === "/api/v1/give-way") await refuses(ask, { method: "POST", path: route.path }, 400, "bad-usage");
    else if (route.body === undefined) await holds(ask, route, { id });
  }
  await refuses(ask, { method: "POST", path: "/api/v1/downloads", body: {} }, 400, "bad-usage");
});

test("the documents are valid OpenAPI 3.1", async (t) => {
  const { supernode, daemon } = await stage(t);
  for (const ask of [supernode, daemon]) {
    const document = JSON.parse((await ask({ method: "GET", path: "/api/v1/openapi.json" })).text);
    const { valid, errors } = await new Validator().validate(document);
    assert.ok(valid, JSON.stringify(errors));
    assert.match(document.openapi, /^3\.1\./);
  }
});

test("lists are told page by page, and filtered", async (t) => {
  const { task, supernode: ask } = await stage(t);
  const get = async (path: string) => JSON.parse((await ask({ method: "GET", path })).text);
  const all = await get("/api/v1/tasks");
  assert.deepEqual([all.tasks.length, all.next], [1, null]);
  assert.equal((await get("/api/v1/tasks?state=failed")).tasks.length, 0);
  assert.equal((await get("/api/v1/tasks?url=file.bin&state=complete")).tasks[0].id, task);
  assert.equal((await get(`/api/v1/tasks?cursor=${all.tasks[0].version}`)).tasks.length, 0);
  assert.equal((await get("/api/v1/hosts?standing=free&limit=1")).hosts.length, 1);
  assert.equal((await get(`/api/v1/hosts?version=${"0".repeat(64)}`)).hosts.length, 0);
  assert.equal((await get(`/api/v1/tasks/${task}/peers?state=complete`)).peers.length, 1);
});

test("the daemon takes the downloads that its document describes", () => {
  const whole = { url: "http://a/b", headers: { a: "b" }, backToSource: false, order: "stream" };
  const more = { tag: "t", range: "0-9", filter: ["k"], rateBytesPerSecond: 1, timeoutMs: 2, maxAgeMs: 3, ca: "pem" };
  const digest = `sha256:${"0".repeat(64)}`;
  const { url: _, ...urlless } = whole;
  const table: readonly unknown[] = [
    ...[whole, { ...whole, ...more, digest, insecureOrigin: true }],
    ...[
      urlless,
      { ...whole, order: "none" },
      { ...whole, unknown: 1 },
      { ...whole, range: "x" },
      { ...whole, digest: "x" },
    ],
    ...[{ ...whole, headers: { a: 1 } }, { ...whole, rateBytesPerSecond: -1 }, null, []],
  ];
  const taken = (value: unknown): boolean => {
    try {
      return readDownloadRequest(value) !== undefined;
    } catch {
      return false;
    }
  };
  for (const body of table) {
    assert.equal(taken(body), downloadRequestSchema.safeParse(body).success, JSON.stringify(body));
  }
});
