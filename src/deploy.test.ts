// What deploy/ promises: metrics, flags and ports that there are, no root, and what the tools of each trade say where they are installed.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { tokenSchema } from "./cli/token-settings.ts";
import { daemonSchema } from "./runtime/daemon-config.ts";
import { packageRoot } from "./runtime/package-root.ts";
import { supernodeSchema } from "./runtime/supernode-config.ts";
import { metricsRegistries } from "./testing/metrics-registries.ts";

const deploy = join(packageRoot(), "deploy");
const read = (path: string): string => readFileSync(join(deploy, path), "utf8");

/** Runs a tool, or skips the test where it is not installed. */
function run(t: TestContext, tool: string, args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync(tool, args, { encoding: "utf8", cwd: deploy });
  if (error !== undefined) {
    t.skip(`${tool} is not installed`);
    return "";
  }
  assert.equal(status, 0, `${tool} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout + stderr;
}

/** Every flag of each role. */
const flags = new Map(
  [daemonSchema, supernodeSchema, tokenSchema].map(({ role, settings }) => [
    role,
    new Set(Object.values(settings).map(({ name }) => name)),
  ]),
);

function assertFlags(role: string, args: readonly string[]): void {
  const given = args.flatMap((arg) => /^--([a-z-]+)/.exec(arg)?.slice(1) ?? []);
  assert.ok(given.length > 0);
  assert.deepEqual(
    given.filter((name) => !flags.get(role)?.has(name)),
    [],
    role,
  );
}

test("rules and dashboard name metrics that there are", () => {
  const known = new Set(
    metricsRegistries().flatMap((registry) => registry.getMetricsAsArray().map(({ name }) => name)),
  );
  const dashboard = z
    .object({ panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })) })) })
    .parse(JSON.parse(read("grafana/dragonfly.json")));
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const named = `${read("prometheus/rules.yml")} ${expressions.join(" ")}`.match(/\bdragonfly_[a-z_]+/g) ?? [];
  assert.deepEqual([...new Set(named)].filter((name) => !known.has(name)).sort(), []);
  const shown = new Set(expressions.join(" ").match(/\bdragonfly_[a-z_]+/g));
  assert.deepEqual(
    [...known].filter((name) => !shown.has(name)),
    [],
    "not on the dashboard",
  );
});

test("promtool finds the rules and the configuration right, and the rules do as their test says", (t) => {
  assert.match(run(t, "promtool", ["check", "rules", "prometheus/rules.yml"]), /^$|SUCCESS: 8 rules/);
  run(t, "promtool", ["test", "rules", "prometheus/rules.test.yml"]);
  run(t, "promtool", ["check", "config", "prometheus/prometheus.yml"]);
});

test("the image runs without root, shell or what is only for building", () => {
  const lines = read("Dockerfile").replace(/\\\n/g, " ").split("\n");
  const stages = lines.flatMap((line, at) => (line.startsWith("FROM ") ? [at] : []));
  assert.equal(stages.length, 2);
  const last = lines.slice(stages[1]);
  const instructions = last.filter((line) => /^[A-Z]+ /.test(line));
  assert.deepEqual(
    instructions.filter((line) => /^(?:RUN|ADD|SHELL) /.test(line)),
    [],
  );
  assert.ok(instructions.some((line) => /^USER [1-9]\d*:[1-9]\d*$/.test(line)));
  for (const line of instructions.filter((one) => /^(?:ENTRYPOINT|CMD) /.test(one))) assert.match(line, / \[".*"\]$/);
  for (const line of lines.filter((one) => /^FROM /.test(one))) assert.doesNotMatch(line, /:latest|^FROM [^:$]+$/);
  const copied = instructions.flatMap((line) => /^COPY --from=build (.*) \S+$/.exec(line)?.[1]?.split(" ") ?? []);
  for (const needed of ["/src/package.json", "/src/node_modules", "/src/bin", "/src/dist", "/src/LICENSE"]) {
    assert.ok(copied.includes(needed), needed);
  }
});

test("the compose file starts what there is, without privileges", () => {
  const service = z.strictObject({
    build: z.strictObject({ context: z.literal(".."), dockerfile: z.literal("deploy/Dockerfile") }),
    image: z.string(),
    command: z.array(z.string()),
    depends_on: z.record(z.string(), z.strictObject({ condition: z.string() })).optional(),
    network_mode: z.literal("host").optional(),
    ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/)).optional(),
    volumes: z.array(z.string().regex(/^[a-z]+:\/(?:data|join|join:ro)$/)),
    restart: z.enum(["unless-stopped", "no"]),
    read_only: z.literal(true),
    tmpfs: z.array(z.string()),
    cap_drop: z.tuple([z.literal("ALL")]),
    security_opt: z.array(z.string()),
  });
  const file = z
    .strictObject({
      name: z.string(),
      services: z.record(z.string(), service),
      volumes: z.record(z.string(), z.strictObject({})),
    })
    .parse(parse(read("compose.yaml"), { merge: true }));
  for (const [name, { command, depends_on, volumes }] of Object.entries(file.services)) {
    assert.equal(command[0], name);
    assertFlags(name, command);
    assert.ok(!command.includes("--insecure"));
    assert.deepEqual(
      Object.keys(depends_on ?? {}).filter((other) => !(other in file.services)),
      [],
    );
    for (const volume of volumes) assert.ok((volume.split(":")[0] ?? "") in file.volumes);
  }
});

test("systemd finds the units right, and well closed in", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "dragonfly-units-"));
  try {
    for (const name of readdirSync(join(deploy, "systemd"))) {
      const unit = read(`systemd/${name}`);
      const [, role = "", line = ""] = /^ExecStart=\/usr\/bin\/dragonfly (\w+) (.*)$/m.exec(unit) ?? [];
      assertFlags(role, line.split(" "));
      assert.match(unit, /^DynamicUser=yes$/m);
      assert.match(unit, /^CapabilityBoundingSet=$/m);
      // The program is not installed on the machine that tests.
      writeFileSync(join(folder, name), unit.replace(/^ExecStart=\S+/m, "ExecStart=/bin/true"));
      assert.equal(run(t, "systemd-analyze", ["verify", "--man=no", join(folder, name)]), "");
      const threshold = "--threshold=20";
      run(t, "systemd-analyze", ["security", "--offline=true", threshold, join(folder, name)]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the chart's values fit its schema, which refuses what is mistyped", async () => {
  const { default: ajv } = await import("ajv");
  const validate = new ajv.Ajv({ strict: false }).compile(JSON.parse(read("helm/dragonfly/values.schema.json")));
  const part = z.looseObject({});
  const values = z.looseObject({ supernode: part, daemon: part }).parse(parse(read("helm/dragonfly/values.yaml")));
  assert.ok(validate(values), JSON.stringify(validate.errors));
  for (const wrong of [
    { ...values, replicas: 3 },
    { ...values, supernode: { ...values.supernode, replicas: 0 } },
    { ...values, daemon: { ...values.daemon, piecesPort: "65002" } },
    { ...values, daemon: { ...values.daemon, settings: { "Upload Limit": 1 } } },
  ]) {
    assert.equal(validate(wrong), false, JSON.stringify(wrong));
  }
});

test("the chart names values and flags that there are", () => {
  const values = parse(read("helm/dragonfly/values.yaml"));
  for (const name of readdirSync(join(deploy, "helm/dragonfly/templates"))) {
    const text = read(`helm/dragonfly/templates/${name}`);
    for (const [, path = ""] of text.matchAll(/\.Values\.([a-zA-Z.]+)/g)) {
      const value = path.split(".").reduce((inner, key) => inner?.[key], values);
      assert.notEqual(value, undefined, `${name}: ${path}`);
    }
    const role = name.replace(".yaml", "");
    if (flags.has(role))
      assertFlags(
        role,
        [...text.matchAll(/^ +- (--\S+)/gm)].map(([, flag = ""]) => flag),
      );
  }
});

test("the chart speaks plain HTTP nowhere but where metrics are opened on request", () => {
  const folder = join(deploy, "helm/dragonfly/templates");
  const lines = readdirSync(folder).flatMap((name) => read(`helm/dragonfly/templates/${name}`).split("\n"));
  for (const [at, line] of lines.entries()) {
    assert.doesNotMatch(line, /http:\/\//);
    if (line.includes("--insecure")) assert.match(lines.slice(at - 2, at).join(), /if \.Values\.daemon\.openMetrics/);
  }
  assert.equal(parse(read("helm/dragonfly/values.yaml")).daemon.openMetrics, false);
});

test("helm renders the chart, where it is installed", (t) => {
  run(t, "helm", ["lint", "--strict", "helm/dragonfly"]);
  run(t, "helm", ["template", "x", "helm/dragonfly", "--set", "serviceMonitor.enabled=true"]);
});
