// Secrets planted wherever a user can put one, through everything that succeeds and fails with them; then searched for in all that the programs
// wrote, stored, answered, said to each other, and were started with.

import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { HttpDoor } from "../net/http-door.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { type Outcome, Program } from "../testing/program.ts";
import { Tap } from "../testing/tap.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

/** Each is named by where it was planted. */
const secrets = {
  user: "hushuser1X4k9Qz7Lm2Vt8Rw3",
  password: "hushpassword2X4k9Qz7Lm2Vt8Rw3",
  authorization: "hushauthorization3X4k9Qz7Lm2Vt8Rw3",
  cookie: "hushcookie4X4k9Qz7Lm2Vt8Rw3",
  apiKey: "hushapikey5X4k9Qz7Lm2Vt8Rw3",
  customHeader: "hushcustom6X4k9Qz7Lm2Vt8Rw3",
  signature: "hushsignature7X4k9Qz7Lm2Vt8Rw3",
  queryToken: "hushquerytoken8X4k9Qz7Lm2Vt8Rw3",
  redirect: "hushredirect9X4k9Qz7Lm2Vt8Rw3",
  preheatHeader: "hushpreheat10X4k9Qz7Lm2Vt8Rw3",
  registryPassword: "hushregistry11X4k9Qz7Lm2Vt8Rw3",
  registryToken: "hushregistrytoken12X4k9Qz7Lm2Vt8Rw3",
  proxyAuthorization: "hushproxy13X4k9Qz7Lm2Vt8Rw3",
  joinToken: "hushjoin14X4k9Qz7Lm2Vt8Rw3",
} as const;

const content = testContent(300_000);
let swarm: ProcessSwarm;
let central: ProcessSwarm;
let origin: TestOrigin;
let registry: Server;
let tap: Tap;
let door: HttpDoor;
/** What the programs that ended said. */
const said: string[] = [];

before(async () => {
  origin = await TestOrigin.start({ content });
  registry = privateRegistry();
  await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
  central = await ProcessSwarm.start({ hosts: 0 });
  tap = await Tap.start(central.supernodeUrl);
  const config = join(central.folder, "daemon.yaml");
  const passwordFile = join(central.folder, "password");
  await writeFile(passwordFile, `${secrets.registryPassword}\n`, { mode: 0o600 });
  const lines = [
    "registries:",
    `  - host: ${registryHost()}`,
    `    url: http://${registryHost()}`,
    "    username: ada",
  ];
  lines.push(`    password-file: ${passwordFile}`, "proxy-rules:", "  - match: /swarm", "    use: swarm");
  await writeFile(config, `${lines.join("\n")}\n`);
  const daemonFlags = ["--proxy", "127.0.0.1:0", "--config", config];
  swarm = await ProcessSwarm.start({ hosts: 2, supernode: tap.url, daemonFlags });
  door = new HttpDoor({
    environment: { http_proxy: swarm.first.proxyUrl.replace("//", `//me:${secrets.proxyAuthorization}@`) },
  });
});
after(async () => {
  await door.close();
  await swarm.close();
  await tap.close();
  await central.close();
  await origin.close();
  registry.closeAllConnections();
  registry.close();
});

const registryHost = (): string => `127.0.0.1:${(registry.address() as AddressInfo).port}`;

/** Wants a token of its own service, which wants the password; and has nothing to give. */
function privateRegistry(): Server {
  return createServer((request, response) => {
    if (request.url?.startsWith("/auth") === true) {
      return void response.end(JSON.stringify({ token: secrets.registryToken, expires_in: 300 }));
    }
    if (request.headers.authorization === `Bearer ${secrets.registryToken}`) return void response.writeHead(404).end();
    const challenge = `Bearer realm="http://${registryHost()}/auth",service="test"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
  });
}

async function note(running: Promise<Outcome>): Promise<Outcome> {
  const outcome = await running;
  said.push(outcome.stderr, outcome.stdout.toString("latin1"));
  return outcome;
}

/** Headers by the environment: what is on a command line is its user's to keep. */
function get(url: string, ...more: readonly string[]): Promise<Outcome> {
  const headers = [
    `Authorization: Bearer ${secrets.authorization}`,
    `Cookie: session=${secrets.cookie}`,
    `X-Api-Key: ${secrets.apiKey}`,
    `X-Whatever: ${secrets.customHeader}`,
  ];
  const { folder, socket } = swarm.first;
  const args = [url, "--socket", socket, "--json", "--overwrite", "--log-level", "debug", ...more];
  const env = { DRAGONFLY_HEADER: headers.join("\n") };
  return note(new Program("dfget", args, { cwd: folder, env }).ended);
}

/** With everything in it that a URL can hold. */
function secretUrl(path: string): string {
  const query = `X-Amz-Signature=${secrets.signature}&X-Amz-Credential=${secrets.signature}&access_token=${secrets.queryToken}`;
  return `${origin.url(path).replace("//", `//${secrets.user}:${secrets.password}@`)}?${query}`;
}

test("what was planted was used", async () => {
  const done = await get(secretUrl("/a"), "-o", "a");
  assert.equal(done.exit, 0, done.stderr);
  const seen = origin.requests.at(-1);
  for (const secret of [secrets.signature, secrets.queryToken]) assert.ok(seen?.url.includes(secret));
  assert.equal(seen?.headers["x-whatever"], secrets.customHeader);
  assert.equal(seen?.headers.authorization, `Bearer ${secrets.authorization}`);
});

test("through failures of every kind, preheats, the proxy and a registry", async () => {
  const bad: [string, ...string[]][] = [
    [secretUrl("/a"), "-o", "a", "--digest", `sha256:${"0".repeat(64)}`],
    [secretUrl("/a"), "-o", "missing/folder/a"],
    [secretUrl("/"), "-q"],
    [secretUrl("/a").replace(/:\d+\//, ":1/"), "-o", "b"],
    [secretUrl("/a").replace("http:", "ftp:"), "-o", "b"],
    [secretUrl("/a").replace(/127[\d.]+:\d+/, "169.254.169.254"), "-o", "b"],
    [secretUrl("/a").replace(/127[\d.]+:\d+/, "[not a host"), "-o", "b"],
  ];
  for (const args of bad) assert.notEqual((await get(...args)).exit, 0, args.join(" "));
  for (const answer of [
    { status: 403 },
    { status: 503, headers: { "retry-after": "100" } },
    { cutAfterBytes: 10 },
    { redirectTo: `http://x:${secrets.redirect}@127.0.0.1:1/?sig=${secrets.redirect}` },
    { redirectTo: `ftp://x:${secrets.redirect}@127.0.0.1:1/?sig=${secrets.redirect}` },
  ]) {
    origin.answer = answer;
    await get(secretUrl(`/bad${said.length}`), "-o", "b", "-e", "5s");
  }
  for (const code of ["origin-refused", "origin-unreachable", "digest-mismatch", "rule-refused"])
    assert.ok(
      said.some((text) => text.includes(`"${code}"`)),
      code,
    );
  origin.answer = { content };

  const headers = { authorization: `Bearer ${secrets.preheatHeader}`, "content-type": "application/json" };
  for (const path of ["/preheated", "/never"]) {
    if (path === "/never") origin.answer = { status: 403 };
    const body = JSON.stringify({
      type: "file",
      url: secretUrl(path),
      to: "all",
      headers: { authorization: headers.authorization },
    });
    const started = await fetch(`${central.supernodeUrl}/api/v1/preheats`, { method: "POST", headers, body });
    assert.equal(started.status, 202);
    const { id } = (await started.json()) as { id: string };
    await finished(id);
  }
  origin.answer = { content };

  for (const path of ["/direct", "/swarm"]) {
    const proxied = { authorization: `Bearer ${secrets.authorization}` };
    const { status, body } = await door.request(secretUrl(path).replace(/\/\/[^@]*@/, "//"), { headers: proxied });
    await body.resume();
    assert.equal(status, 200);
  }
  const pulled = await fetch(`${swarm.first.proxyUrl}/v2/app/manifests/latest?ns=${registryHost()}`);
  assert.equal(pulled.status, 404, await pulled.text());

  const { folder } = swarm.first;
  const refused = ["--listen", "0.0.0.0:0", "--socket", join(folder, "no.sock"), "--data-dir", join(folder, "no")];
  await note(new Program("dfdaemon", refused, { cwd: folder, env: { DRAGONFLY_TOKEN: secrets.joinToken } }).ended);
});

async function finished(id: string): Promise<void> {
  for (;;) {
    const { state } = JSON.parse(await answer(`/api/v1/preheats/${id}`)) as { state: string };
    if (state !== "running" && state !== "waiting") return;
    await sleep(50);
  }
}

async function answer(path: string): Promise<string> {
  return (await fetch(`${central.supernodeUrl}${path}`)).text();
}

test("none of it is in a log, an answer, a metric, an error, a file, a message or a command line", async () => {
  const places = new Map<string, string>([
    ["logs of the supernode", central.logs],
    ["logs of the daemons", swarm.logs],
    ["what dfget said", said.join("\n")],
    ["what passed on the wire between daemons and supernode", tap.heard],
  ]);
  const { tasks } = JSON.parse(await answer("/api/v1/tasks")) as { tasks: { id: string }[] };
  const ids = tasks.flatMap(({ id }) => [`/api/v1/tasks/${id}`, `/api/v1/tasks/${id}/peers`]);
  for (const path of ["/metrics", "/api/v1/tasks", "/api/v1/hosts", "/api/v1/preheats", ...ids])
    places.set(`supernode ${path}`, await answer(path));
  const preheats = JSON.parse(await answer("/api/v1/preheats")) as { preheats: { id: string }[] };
  for (const { id } of preheats.preheats) places.set(`preheat ${id}`, await answer(`/api/v1/preheats/${id}`));
  for (const path of ["/metrics", "/api/v1/tasks", "/api/v1/status"]) {
    for (const host of swarm.hosts) places.set(`daemon ${path}`, await host.ask(path));
  }
  for (const program of [central.supernode, ...swarm.hosts.map(({ daemon }) => daemon)]) {
    for (const name of ["cmdline", "environ"])
      places.set(
        `${name} of ${program?.pid}`,
        await readFile(`/proc/${program?.pid}/${name}`, "latin1").catch(() => ""),
      );
  }
  for (const folder of [central.folder, swarm.folder]) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      // What was planted in it is meant to be there.
      if (entry.isFile() && entry.name !== "password") places.set(path, await readFile(path, "latin1"));
    }
  }
  assert.ok(places.size > 30, `only ${places.size} places were searched`);
  const found: string[] = [];
  for (const [where, text] of places) {
    for (const [name, secret] of Object.entries(secrets)) {
      for (const form of formsOf(secret))
        if (text.includes(form)) found.push(`${name} in ${where}: ${around(text, form)}`);
    }
  }
  assert.deepEqual(found, []);
});

/** As it is, and in base64 at each of the three places where it can begin. */
function formsOf(secret: string): readonly string[] {
  const coded = [0, 1, 2].map((before) =>
    Buffer.from(`${"x".repeat(before)}${secret}`)
      .toString("base64")
      .slice(4, -4),
  );
  return [secret, ...coded];
}

function around(text: string, form: string): string {
  const at = text.indexOf(form);
  return JSON.stringify(text.slice(Math.max(0, at - 80), at + form.length + 20));
}
