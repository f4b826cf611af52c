// A real Prometheus scrapes a supernode and a daemon, and evaluates the rules that come with them.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { z } from "zod";
import { packageRoot } from "../runtime/package-root.ts";
import { accepting, freePort } from "../testing/free-port.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const answered = z.object({
  status: z.literal("success"),
  data: z.object({
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
  }),
});
const installed = spawnSync("prometheus", ["--version"]).error === undefined;
const content = testContent(5_000_000);

test("Prometheus scrapes both roles and evaluates the rules", {
  skip: !installed && "prometheus is not installed",
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "dragonfly-prometheus-"));
  const [metricsPort, port] = [await freePort(), await freePort()];
  const origin = await TestOrigin.start({ content });
  const swarm = await ProcessSwarm.start({ daemonFlags: ["--metrics", `127.0.0.1:${metricsPort}`] });
  const scrape = (job: string, target: string) => ({ job_name: job, static_configs: [{ targets: [target] }] });
  const daemon = `127.0.0.1:${metricsPort}`;
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [join(packageRoot(), "deploy/prometheus/rules.yml")],
    scrape_configs: [
      scrape("dragonfly-supernode", new URL(swarm.supernodeUrl).host),
      scrape("dragonfly-daemon", daemon),
    ],
  };
  await writeFile(join(folder, "prometheus.yml"), stringify(config));
  const flags = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", `--web.listen-address=127.0.0.1:${port}`];
  const prometheus = spawn("prometheus", flags, { cwd: folder, stdio: "ignore" });
  const gone = once(prometheus, "exit");
  const query = async (expression: string) => {
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`;
    return answered.parse(await (await fetch(url, { signal: t.signal })).json()).data.result;
  };
  /** Resolves to what it tells once it tells so. */
  const told = async (expression: string) => {
    for (;;) {
      const result = await query(expression);
      if (result.length > 0) return result;
      await sleep(200, undefined, { signal: t.signal });
    }
  };
  try {
    await accepting(port, t.signal);
    assert.equal((await swarm.first.get(origin.url(), "-o", "x")).exit, 0);
    assert.equal((await told('up{job="dragonfly-supernode"} == 1')).length, 1);
    assert.equal((await told('up{job="dragonfly-daemon"} == 1')).length, 1);
    await told(`dragonfly_supernode_origin_bytes_total == ${content.length}`);
    await told("dragonfly_supernode_hosts == 1");
    await told("dragonfly_daemon_store_bytes > 0");
    const [recorded] = await told("dragonfly:upload_bytes:rate5m");
    assert.notEqual(recorded, undefined);
    const rules = z
      .object({ data: z.object({ groups: z.array(z.object({ rules: z.array(z.object({ health: z.string() })) })) }) })
      .parse(await (await fetch(`http://127.0.0.1:${port}/api/v1/rules`)).json());
    const health = rules.data.groups.flatMap((group) => group.rules.map((rule) => rule.health));
    assert.deepEqual(health, Array(8).fill("ok"));
    assert.deepEqual(await query("ALERTS"), []);
    await swarm.first.daemon?.kill("SIGTERM");
    await told('ALERTS{alertname="DragonflyDaemonDown", alertstate="pending"}');
  } finally {
    prometheus.kill();
    await gone;
    await swarm.close();
    await origin.close();
    await rm(folder, { recursive: true });
  }
});
