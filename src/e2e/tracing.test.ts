// One trace across four processes, as a collector sees it that speaks OTLP over HTTP.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { z } from "zod";
import { Program } from "../testing/program.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

/** `ExportTraceServiceRequest` of OTLP 1, as far as it matters here. */
const exported = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({
        attributes: z.array(z.object({ key: z.string(), value: z.object({ stringValue: z.string().optional() }) })),
      }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: z.string().regex(/^[0-9a-f]{32}$/),
              spanId: z.string().regex(/^[0-9a-f]{16}$/),
              parentSpanId: z.string().optional(),
              name: z.string(),
              startTimeUnixNano: z.string(),
              endTimeUnixNano: z.string(),
              status: z.object({ code: z.number(), message: z.string().optional() }),
            }),
          ),
        }),
      ),
    }),
  ),
});

type SeenSpan = z.infer<typeof exported>["resourceSpans"][0]["scopeSpans"][0]["spans"][0] & {
  readonly service: string;
};

class Collector {
  readonly spans: SeenSpan[] = [];
  readonly #server: Server = createServer(async (request, response) => {
    assert.equal(request.url, "/v1/traces");
    for (const { resource, scopeSpans } of exported.parse(await json(request)).resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "";
      this.spans.push(...scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, service }))));
    }
    response.setHeader("content-type", "application/json").end("{}");
  });

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  span(service: string, name: string): SeenSpan {
    const found = this.spans.filter((one) => one.service === service && one.name === name);
    assert.equal(found.length, 1, `${service} ${name}: ${JSON.stringify(this.spans)}`);
    return found[0] as SeenSpan;
  }
}

const collector = new Collector();
let folder = "";
let origin: TestOrigin;
let env: Readonly<Record<string, string>> = {};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dragonfly-tracing-"));
  origin = await TestOrigin.start({ content: testContent(5_000_000) });
  env = { OTEL_EXPORTER_OTLP_ENDPOINT: await collector.start() };
});
after(async () => {
  await origin.close();
  await collector.close();
  await rm(folder, { recursive: true });
});

async function cluster(name: string, variables: Readonly<Record<string, string>>) {
  const cwd = join(folder, name);
  await mkdir(cwd);
  const options = { cwd, env: variables };
  const place = (role: string) => ["--listen", "127.0.0.1:0", "--data-dir", join(cwd, role)];
  const supernode = new Program("dragonfly", ["supernode", ...place("supernode")], options);
  const [, url = ""] = await supernode.said("stdout", /^supernode ready on (\S+)\n/);
  const socket = join(cwd, "d.sock");
  const flags = ["--supernode", url, "--proxy", "off", "--socket", socket];
  const daemon = new Program("dfdaemon", [...place("daemon"), ...flags], options);
  await daemon.said("stdout", /^daemon ready/);
  return {
    get: (address: string, output: string) =>
      new Program("dfget", [address, "--socket", socket, "-o", output], options),
    stop: async () => [await daemon.kill("SIGTERM"), await supernode.kill("SIGTERM")],
  };
}

test("a collector sees one trace from dfget to the origin", async () => {
  const running = await cluster("traced", env);
  assert.equal((await running.get(origin.url("/a"), "a").ended).exit, 0);
  // What a process has not told yet it tells before it leaves.
  for (const { exit } of await running.stop()) assert.equal(exit, 0);

  const dfget = collector.span("dfget", "dfget");
  const daemon = collector.span("dragonfly-daemon", "download");
  const probe = collector.span("dragonfly-supernode", "probe origin");
  const read = collector.span("dragonfly-supernode", "read origin");
  assert.deepEqual(
    [dfget.parentSpanId ?? "", daemon.parentSpanId, probe.parentSpanId, read.parentSpanId],
    ["", dfget.spanId, daemon.spanId, probe.spanId],
  );
  const first = origin.requests[0]?.headers.traceparent;
  assert.equal(first, `00-${dfget.traceId}-${probe.spanId}-01`);
  const inTrace = new Set([probe.spanId, read.spanId]);
  for (const { headers } of origin.requests) assert.ok(inTrace.has(String(headers.traceparent).slice(36, 52)));
  assert.equal(new Set(collector.spans.map(({ traceId }) => traceId)).size, 1);
});

test("a download that fails says so in its span, and goes into the trace that the environment names", async () => {
  const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const running = await cluster("failing", { ...env, TRACEPARENT: parent });
  origin.answer = { status: 403 };
  const { exit } = await running.get(origin.url("/refused"), "b").ended;
  await running.stop();
  assert.equal(exit, 3);
  const spans = collector.spans.filter(({ traceId }) => traceId === parent.slice(3, 35));
  assert.deepEqual(spans.map(({ service }) => service).sort(), ["dfget", "dragonfly-daemon", "dragonfly-supernode"]);
  for (const { status } of spans) assert.equal(status.code, 2);
  origin.answer = {};
});

test("where no collector is named, nothing of it is loaded or told", async () => {
  const before = origin.requests.length;
  const running = await cluster("untraced", {});
  assert.equal((await running.get(origin.url("/c"), "c").ended).exit, 0);
  await running.stop();
  for (const { headers } of origin.requests.slice(before)) assert.equal(headers.traceparent, undefined);
});
