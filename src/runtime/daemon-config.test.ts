import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig, parseDaemonOptions } from "./config.ts";
import { daemonSchema } from "./daemon-config.ts";
import { packageRoot } from "./package-root.ts";
import type { ProxyRule } from "./proxy-rule.ts";

const shown = (rules: readonly ProxyRule[]) => rules.map(({ match, use }) => [match.source, use]);

test("the rules and hosts of the proxy come from a file as from the library, and want a proxy", async () => {
  const directory = await mkdtemp(join(tmpdir(), "daemon-config-"));
  const path = join(directory, "proxy.yaml");
  const text = "proxy-rules:\n  - match: ^http://a/\n    use: swarm\nintercept: [files.test, '*.below.test:8443']\n";
  await writeFile(path, text);
  const load = (...more: readonly { name: string; raw: string; source: string }[]) =>
    loadConfig(daemonSchema, [{ name: "config", raw: path, source: "--config" }, ...more], {
      env: {},
      place: { home: directory, root: false, etc: directory },
    });
  try {
    const { proxyRules, intercept } = await load();
    const same = parseDaemonOptions({
      proxyRules: [{ match: "^http://a/", use: "swarm" }],
      intercept: "files.test,*.below.test:8443",
    });
    assert.deepEqual(intercept, same.intercept);
    assert.deepEqual(shown(proxyRules), [["^http://a/", "swarm"]]);
    assert.deepEqual(shown(same.proxyRules), shown(proxyRules));
    await assert.rejects(load({ name: "proxy", raw: "off", source: "--proxy" }), {
      message: /proxy\.yaml:4: the proxy port, which would intercept, is off/,
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("the recipes for the proxy are configurations", async () => {
  const directory = await mkdtemp(join(tmpdir(), "daemon-recipes-"));
  const page = await readFile(join(packageRoot(), "docs", "proxy.md"), "utf8");
  const recipes = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = ""]) => text);
  assert.ok(recipes.length > 5);
  try {
    for (const [nth, text] of recipes.entries()) {
      const path = join(directory, `${nth}.yaml`);
      await writeFile(path, text);
      const place = { home: directory, root: false, etc: directory };
      const { proxyRules, intercept } = await loadConfig(
        daemonSchema,
        [{ name: "config", raw: path, source: "--config" }],
        { env: {}, place },
      );
      assert.ok(proxyRules.length + intercept.length > 0, text);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});
