// What a supernode reads on others' word, and what it tells its operator about that.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseSupernodeOptions, type SupernodeOptions } from "../runtime/config.ts";
import { openLog } from "../runtime/log.ts";
import { ScriptedDaemon } from "../testing/scripted-daemon.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";
import { Supernode } from "./supernode.ts";

async function stage(t: TestContext, options: SupernodeOptions) {
  const dataDir = await mkdtemp(join(tmpdir(), "dragonfly-fetching-"));
  const origin = await TestOrigin.start({ content: testContent(1000) });
  const lines: string[] = [];
  const log = await openLog({ level: "info", format: "json" }, { write: (line) => lines.push(line) });
  const config = parseSupernodeOptions({ listen: "127.0.0.1:0", dataDir, ...options });
  const supernode = await Supernode.start(config, log);
  t.after(async () => {
    await supernode.close();
    await origin.close();
    await rm(dataDir, { recursive: true });
  });
  const url = supernode.url.replace("0.0.0.0", "127.0.0.1");
  return { origin, daemon: await ScriptedDaemon.join(url, "a"), lines };
}

test("one that serves other machines reads nothing of its own for them, unless a rule allows it", async (t) => {
  const open = { listen: "0.0.0.0:0", insecure: true };
  const { origin, daemon } = await stage(t, open);
  const urls = [origin.url("/a"), `http://2130706433:${origin.port}/a`, "http://169.254.169.254/latest/meta-data/"];
  for (const [request, url] of urls.entries()) {
    daemon.register(request, url);
    const { error } = await daemon.hears("refused", (refused) => refused.request === request);
    assert.deepEqual([error.code, error.blame], ["rule-refused", "caller"], url);
  }
  assert.equal(origin.requests.length, 0);
  const { origin: own, daemon: other } = await stage(t, { ...open, fetchRules: ["allow 127.0.0.0/8"] });
  other.register(1, own.url("/a"));
  await other.hears("task");
});

test("a token service is an origin like any other", async (t) => {
  const { daemon } = await stage(t, {});
  const scopes = ["repository:a:pull"];
  daemon.send({ type: "get-token", request: 1, realm: "http://169.254.169.254/latest/api/token", scopes });
  const { error } = await daemon.hears("refused");
  assert.equal(error.code, "rule-refused");
});

test("the log says who had what read, without the credentials", async (t) => {
  const { origin, daemon, lines } = await stage(t, {});
  daemon.register(1, origin.url("/a?token=hush").replace("//", "//me:hush@"), { Authorization: "hush" });
  await daemon.hears("task");
  const asked = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === "asking the origin");
  assert.deepEqual([asked.url, asked.by], [origin.url("/a?token=***"), daemon.host]);
  assert.doesNotMatch(lines.join(""), /hush/);
});
