import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { imageContents } from "./image-contents.ts";
import { parsePlatform } from "./platform.ts";
import type { Digest } from "./registry-path.ts";

const oci = "application/vnd.oci.image";
const docker = "application/vnd.docker.distribution";

/** A registry's manifests by digest, and the digests of blobs by their names. */
class Shelf {
  readonly manifests = new Map<Digest, Buffer>();
  readonly read: Digest[] = [];

  put(value: object): { digest: Digest; size: number } {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    this.manifests.set(digest, bytes);
    return { digest, size: bytes.length };
  }

  contents(top: Digest, ...platforms: readonly string[]) {
    return imageContents(top, platforms.map(parsePlatform), async (digest) => {
      this.read.push(digest);
      return this.manifests.get(digest) ?? assert.fail(`no ${digest}`);
    });
  }
}

function blob(name: string, size: number, more: object = {}) {
  return {
    mediaType: `${oci}.layer.v1.tar+gzip`,
    digest: `sha256:${createHash("sha256").update(name).digest("hex")}`,
    size,
    ...more,
  };
}

function image(...layers: readonly object[]) {
  return { schemaVersion: 2, mediaType: `${oci}.manifest.v1+json`, config: blob(JSON.stringify(layers), 7), layers };
}

function lengths(contents: readonly { readonly length: number | null; readonly kind: string }[]) {
  return contents.filter(({ kind }) => kind === "blob").map(({ length }) => length);
}

test("one image: its manifest, its configuration and each layer once", async () => {
  const shelf = new Shelf();
  const { digest } = shelf.put(image(blob("a", 1), blob("b", 2), blob("a", 1)));
  const contents = await shelf.contents(digest);
  assert.deepEqual(contents[0], { kind: "manifest", digest, length: null });
  assert.deepEqual(lengths(contents), [7, 1, 2]);
});

test("of an index the wanted platforms, whose shared layers come once; without a wish all, attestations too", async () => {
  const shelf = new Shelf();
  const of = (name: string, platform: object | undefined) => ({
    mediaType: `${oci}.manifest.v1+json`,
    ...shelf.put(image(blob("shared", 1), blob(name, 2))),
    ...(platform === undefined ? {} : { platform }),
  });
  const top = shelf.put({
    schemaVersion: 2,
    manifests: [
      of("amd", { os: "linux", architecture: "amd64" }),
      of("arm", { os: "linux", architecture: "arm64", variant: "v8" }),
      of("attestation", { os: "unknown", architecture: "unknown" }),
      of("nameless", undefined),
    ],
  });
  const one = await shelf.contents(top.digest, "linux/arm64");
  assert.equal(one.filter(({ kind }) => kind === "manifest").length, 2);
  assert.deepEqual(lengths(one), [7, 1, 2]);
  assert.equal(shelf.read.length, 2, "manifests of other platforms are not even read");
  const two = await shelf.contents(top.digest, "linux/arm64/v8", "linux/amd64");
  assert.deepEqual(lengths(two), [7, 1, 2, 7, 2]);
  const all = await shelf.contents(top.digest);
  assert.equal(all.filter(({ kind }) => kind === "manifest").length, 5);
  await assert.rejects(
    shelf.contents(top.digest, "linux/s390x"),
    /has no linux\/s390x; it has linux\/amd64, linux\/arm64\/v8$/,
  );
});

test("an index within an index, in Docker's words", async () => {
  const shelf = new Shelf();
  const inner = shelf.put({
    schemaVersion: 2,
    mediaType: `${docker}.manifest.list.v2+json`,
    manifests: [{ ...shelf.put(image(blob("x", 3))), platform: { os: "linux", architecture: "amd64" } }],
  });
  const listed = [{ mediaType: `${docker}.manifest.list.v2+json`, ...inner }];
  const top = shelf.put({ schemaVersion: 2, mediaType: `${docker}.manifest.list.v2+json`, manifests: listed });
  assert.deepEqual(lengths(await shelf.contents(top.digest, "linux/amd64")), [7, 3]);
});

test("layers that registries do not have are left out", async () => {
  const shelf = new Shelf();
  const foreign = blob("w", 9, { mediaType: `${docker}.image.rootfs.foreign.diff.tar.gzip`, urls: ["https://h/w"] });
  const { digest } = shelf.put(image(foreign, blob("a", 1)));
  assert.deepEqual(lengths(await shelf.contents(digest)), [7, 1]);
});

test("what is no image that can be pulled is said to be none", async () => {
  const shelf = new Shelf();
  const table: readonly (readonly [object, RegExp])[] = [
    [{ hello: 1 }, /no manifest/],
    [{ schemaVersion: 1, fsLayers: [] }, /first schema/],
    [{ schemaVersion: 2, layers: "x", mediaType: `${oci}.manifest.v1+json` }, /as it should/],
    [image({ ...blob("a", 1), digest: `sha512:${"a".repeat(128)}` }), /not of SHA-256/],
  ];
  for (const [value, says] of table) await assert.rejects(shelf.contents(shelf.put(value).digest), says);
});
