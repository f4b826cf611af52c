// Registries that go wrong, behind the mirrors of a cluster: what comes out is the right bytes or one clear error, and nothing wrong stays.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { type Fault, FaultyRegistry } from "../testing/faulty-registry.ts";
import { checkLayout, writeImage } from "../testing/image-layout.ts";
import { mirrorsOf } from "../testing/image-rig.ts";
import type { ProcessSwarm } from "../testing/process-swarm.ts";
import { Registry, skopeo } from "../testing/registry.ts";
import { TestOrigin } from "../testing/test-origin.ts";

const MIB = 2 ** 20;
const { missing: skip } = Registry;
const login = { authorization: `Basic ${Buffer.from("ada:sesame").toString("base64")}` };
let folder: string;
let layer: string;
let all: readonly string[];
let manifest: string;
let registry: FaultyRegistry;
let swarm: ProcessSwarm;
let mirrors: readonly string[];

/** Each test has an image, a registry and a cluster of its own: what one holds is not to help another. */
beforeEach(async () => {
  if (skip) return;
  const layout = await mkdtemp(join(folder, "image-"));
  const image = await writeImage(layout, { layerBytes: [5 * MIB], architectures: ["amd64"] });
  [layer = ""] = [...image.blobs].find(([, bytes]) => bytes > MIB) ?? [];
  [manifest = ""] = image.manifests.keys();
  all = [...image.manifests.keys(), ...image.blobs.keys()];
  registry = await FaultyRegistry.start(layout, image.digest);
});
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dragonfly-faults-"));
});
after(() => rm(folder, { recursive: true }));

/** With a cluster in front of the registry. */
async function inFrontOf(work: () => Promise<void>): Promise<void> {
  [swarm, mirrors] = await mirrorsOf(`http://${registry.host}`, { hosts: 2 });
  try {
    await work();
  } finally {
    await Promise.all([swarm.close(), registry.close()]);
  }
}

async function pullFrom(mirror: string): Promise<void> {
  const target = await mkdtemp(join(folder, "pulled-"));
  const source = `docker://${new URL(mirror).host}/team/app:1`;
  await skopeo("copy", "--all", "--preserve-digests", "--src-tls-verify=false", source, `oci:${target}:1`);
  await checkLayout(target, all);
}

/** What each of the two hosts gets: a status and, where it came whole, the body. */
async function ask(path: string, headers: Readonly<Record<string, string>> = {}) {
  const answers: { readonly status: number; readonly body: string; readonly retryAfter: string | null }[] = [];
  for (const mirror of mirrors) {
    const answer = await fetch(`${mirror}/v2/team/app/${path}`, { headers });
    const body = await answer.text().catch(() => "broken off");
    answers.push({ status: answer.status, body, retryAfter: answer.headers.get("retry-after") });
  }
  return answers;
}

const twice =
  (fault: ReturnType<Fault>): Fault =>
  (nth) =>
    nth < 2 ? fault : undefined;

for (const [name, fault] of [
  ["breaks the connection in the middle", twice({ cutAfterBytes: 2 * MIB })],
  ["breaks the connection before it answers", twice({ cutAfterBytes: 0 })],
  ["is unwell and answers 503", twice({ status: 503 })],
  ["is unwell and answers 500", twice({ status: 500 })],
  ["has had too many requests", twice({ status: 429, headers: { "retry-after": "1" } })],
  ["falls silent in the middle", (nth) => (nth === 0 ? { stallAfterBytes: 2 * MIB } : undefined)],
  ["ignores ranges", () => ({ ranges: false })],
  ["announces no length", () => ({ ranges: false, chunked: true })],
] satisfies readonly (readonly [string, Fault])[]) {
  test(`the image comes whole from a registry that ${name}`, { skip }, async () => {
    registry.spoil(layer, fault);
    await inFrontOf(async () => {
      await Promise.all(mirrors.map(pullFrom));
    });
  });
}

test("a registry that stays unwell is 502 with its status and name, and the image comes when it is mended", {
  skip,
}, async () => {
  registry.spoil(layer, () => ({ status: 503 }));
  await inFrontOf(async () => {
    for (const { status, body } of await ask(`blobs/${layer}`)) {
      assert.equal(status, 502);
      const { errors } = JSON.parse(body);
      assert.equal(errors[0].code, "UNAVAILABLE");
      assert.ok(errors[0].message.includes("503") && errors[0].message.includes(registry.host), body);
    }
    registry.mend();
    await Promise.all(mirrors.map(pullFrom));
  });
});

test("a registry that asks for a long pause is not asked again, and its 429 is told with the time", {
  skip,
}, async () => {
  registry.spoil(layer, () => ({ status: 429, headers: { "retry-after": "120" } }));
  await inFrontOf(async () => {
    for (const { status, body, retryAfter } of await ask(`blobs/${layer}`)) {
      assert.equal(status, 429);
      assert.equal(JSON.parse(body).errors[0].code, "TOOMANYREQUESTS");
      assert.ok(Number(retryAfter) > 60, String(retryAfter));
    }
  });
});

test("a blob with a wrong byte in it never arrives whole, and not a byte of it is left when it is mended", {
  skip,
}, async () => {
  registry.spoil(layer, (_, content) => {
    const wrong = Buffer.from(content);
    wrong.writeUInt8(wrong.readUInt8(4 * MIB) ^ 1, 4 * MIB);
    return { content: wrong };
  });
  await inFrontOf(async () => {
    for (const { status, body } of await ask(`blobs/${layer}`)) {
      assert.ok(status === 502 || (status === 200 && body === "broken off"), `${status}`);
    }
    assert.match(swarm.logs, /the copy there is broken/);
    await assert.rejects(pullFrom(mirrors[0] ?? ""));
    registry.mend();
    // What was read before may still be on its way to its digest: who comes meanwhile is broken off too, and asks again as engines do.
    await Promise.all(mirrors.map((mirror) => pullFrom(mirror).catch(() => pullFrom(mirror))));
  });
});

test("a manifest with a wrong byte in it is 502 with the reason", { skip }, async () => {
  registry.spoil(manifest, (_, content) => {
    const wrong = Buffer.from(content);
    wrong.writeUInt8(wrong.readUInt8(wrong.length - 2) ^ 1, wrong.length - 2);
    return { content: wrong };
  });
  await inFrontOf(async () => {
    for (const { status, body } of await ask(`manifests/${manifest}`)) {
      assert.equal(status, 502);
      assert.match(body, /digest/);
    }
    registry.mend();
    await Promise.all(mirrors.map(pullFrom));
  });
});

test("a blob that is kept elsewhere behind a signed URL: no credentials go there, and the signature goes nowhere else", {
  skip,
}, async () => {
  const storage = await TestOrigin.start({ host: "127.0.0.2" });
  registry.spoil(layer, (nth, content) => {
    storage.answer = { content };
    return { status: 307, redirectTo: storage.url(`/bucket/blob?X-Amz-Credential=me&X-Amz-Signature=drawn${nth}`) };
  });
  await inFrontOf(async () => {
    for (const { status } of await ask(`blobs/${layer}`, login)) assert.equal(status, 200);
    await Promise.all(mirrors.map(pullFrom));
    assert.ok(storage.requests.length > 0);
    for (const { headers } of storage.requests) assert.equal(headers.authorization, undefined);
    const given = storage.requests.filter(({ status }) => status < 300);
    assert.equal(new Set(given.map(({ headers }) => headers.range)).size, given.length, "no part is read twice");
    for (const secret of ["drawn", login.authorization, "sesame"]) assert.ok(!swarm.logs.includes(secret), secret);
  });
  await storage.close();
});
