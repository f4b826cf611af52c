// What deploy/ has for containers, with the built programs in their place: the same commands in the same order, with other folders and ports.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";
import { packageRoot } from "../runtime/package-root.ts";
import { freePort } from "../testing/free-port.ts";
import { succeeded } from "../testing/outcome.ts";
import { Program } from "../testing/program.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(3_000_000, 12);
const deploy = (path: string): Promise<string> => readFile(join(packageRoot(), "deploy", path), "utf8");

async function stage(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "deployed-"));
  const origin = await TestOrigin.start({ content });
  const running: Program[] = [];
  t.after(async () => {
    for (const program of running.reverse()) await program.kill("SIGTERM");
    await origin.close();
    await rm(folder, { recursive: true });
  });
  const at = (...names: readonly string[]): string => join(folder, ...names);
  const start = (...args: readonly string[]): Program => {
    const program = new Program("dragonfly", args, { cwd: folder, killAfterMs: 100_000 });
    running.push(program);
    return program;
  };
  return {
    ...{ folder, at, start },
    download: async (socket: string): Promise<void> => {
      const args = [origin.url("/f"), "-o", at("out"), "--overwrite", "--socket", socket, "--no-back-to-source"];
      succeeded(await new Program("dfget", args, { cwd: folder }).ended);
      assert.deepEqual(await readFile(at("out")), Buffer.from(content));
    },
  };
}

// The origin of the test is on this machine.
const reachable = ["--fetch-rule", "allow 127.0.0.0/8"];

test("the services of the compose file make a cluster over TLS, and make it again", async (t) => {
  const { at, start, download } = await stage(t);
  const { services } = parse(await deploy("compose.yaml"), { merge: true });
  const ports = new Map<string, number>();
  for (const port of ["8002", "65001", "65002", "65003"]) ports.set(port, await freePort());
  const commandOf = (service: string): readonly string[] =>
    services[service].command.map((word: string) =>
      word
        .replace(/(:)(\d{4,5})$/, (_, colon, port) => `${colon}${ports.get(port)}`)
        .replace("/data", at(service === "token" ? "supernode" : service))
        .replace("/join", at("join")),
    );
  await mkdir(at("join"));
  for (let round = 0; round < 2; round++) {
    const supernode = start(...commandOf("supernode"), ...reachable);
    succeeded(await start(...commandOf("token")).ended);
    assert.equal((await stat(at("join", "token"))).mode & 0o777, 0o600);
    await supernode.said("stdout", /^supernode ready on https:/);
    const daemon = start(...commandOf("daemon"));
    await daemon.said("stdout", /^daemon ready: pieces https:/);
    await daemon.said("stderr", /joined supernode url=https:/);
    await download(at("daemon", "daemon.sock"));
    const health = await fetch(`http://127.0.0.1:${ports.get("65003")}/readyz`);
    assert.equal(health.status, 200);
    await daemon.kill("SIGTERM");
    await supernode.kill("SIGTERM");
  }
});

test("supernodes that begin with the chart's Secret are one cluster, for nodes and for Prometheus", async (t) => {
  const { folder, at, start, download } = await stage(t);
  const ports = [await freePort(), await freePort()];
  const make = (...flags: readonly string[]) =>
    start(
      "token",
      "create",
      "--data-dir",
      at("made"),
      "--advertise",
      `127.0.0.1:${ports[0]}`,
      "--expires",
      "0",
      ...flags,
    );
  succeeded(await make("--output", at("token")).ended);
  succeeded(await make("--role", "read", "--output", at("read")).ended);
  // As `kubectl create secret --from-file` of both folders.
  await cp(at("made", "authority", "1"), at("cluster"), { recursive: true });
  await cp(at("made", "tokens"), at("cluster"), { recursive: true });
  const template = await deploy("helm/dragonfly/templates/supernode.yaml");
  const [, block = ""] = /- -e\n +- \|\n((?: {14}.*\n)+)/.exec(template) ?? [];
  const take = async (data: string): Promise<readonly string[]> => {
    const script = block.replaceAll('"/cluster', `"${at("cluster")}`).replaceAll('"/data', `"${data}`);
    const { status, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", cwd: folder });
    assert.equal(status, 0, stderr);
    return readdir(join(data, "tokens"));
  };
  const [revoked = "", kept] = await take(at("other"));
  await rm(at("other", "tokens", revoked));
  assert.deepEqual(await take(at("other")), [kept], "a token that was revoked stays away");
  for (const [nth, port] of ports.entries()) {
    const data = at(`data-${nth}`);
    assert.equal((await take(data)).length, 2);
    const own = ["--data-dir", data, "--listen", `0.0.0.0:${port}`, "--advertise", `127.0.0.1:${port}`];
    await start("supernode", ...own, ...reachable).said("stdout", /^supernode ready on https:/);
  }
  const urls = ports.map((port) => `https://127.0.0.1:${port}`);
  // Each node joins at the one that it reaches first, and is believed by the other.
  for (const [nth, url] of urls.entries()) {
    const own = [
      "--proxy",
      "off",
      "--socket",
      at(`${nth}.sock`),
      "--data-dir",
      at(`node-${nth}`),
      "--listen",
      "0.0.0.0:0",
    ];
    const named = [url, ...urls.filter((other) => other !== url)].flatMap((one) => ["--supernode", one]);
    const daemon = start("daemon", "--token", `@${at("token")}`, ...own, ...named);
    await daemon.said("stderr", /(?:joined supernode(?:.|\n)*){2}/);
    await download(at(`${nth}.sock`));
  }
  const [ca, token] = await Promise.all([at("cluster", "cert.pem"), at("read")].map((path) => readFile(path, "utf8")));
  for (const url of urls) {
    const headers = { authorization: `Bearer ${token?.trim()}` };
    const asked = get(`${url}/metrics`, { ca, headers, servername: "localhost", agent: false });
    const [response] = await once(asked, "response");
    assert.equal(response.resume().statusCode, 200);
  }
});
