// Writes a container image as an OCI image layout: an index of platforms, each with layers of its own and one that all share.

import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** What a layer's tar archive is packed with; Node 20 has no zstd, so that its program does it. */
export type Packing = "gzip" | "zstd" | "none";

export interface ImageOptions {
  /** Bytes of each layer's one file; the first layer is shared. */
  readonly layerBytes: readonly number[];
  readonly architectures: readonly string[];
  /** gzip where it is left out. */
  readonly packing?: Packing;
}

export interface Image {
  /** Of the index. */
  readonly digest: string;
  /** Digest to length in bytes. */
  readonly manifests: ReadonlyMap<string, number>;
  readonly blobs: ReadonlyMap<string, number>;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const types = "application/vnd.oci.image";

/** Under the reference name `1`. */
export async function writeImage(
  folder: string,
  { layerBytes, architectures, packing = "gzip" }: ImageOptions,
): Promise<Image> {
  const blobFolder = join(folder, "blobs", "sha256");
  await mkdir(blobFolder, { recursive: true });
  const manifests = new Map<string, number>();
  const blobs = new Map<string, number>();
  const put = async (mediaType: string, bytes: Uint8Array, into: Map<string, number>): Promise<Descriptor> => {
    const hex = sha256(bytes);
    await writeFile(join(blobFolder, hex), bytes);
    into.set(`sha256:${hex}`, bytes.length);
    return { mediaType: `${types}.${mediaType}`, digest: `sha256:${hex}`, size: bytes.length };
  };
  const layer = async (bytes: number, name: string) => {
    const tar = tarOf(name, randomBytes(bytes));
    const mediaType = packing === "none" ? "layer.v1.tar" : `layer.v1.tar+${packing}`;
    const descriptor = await put(mediaType, packed(tar, packing), blobs);
    return { descriptor, diffId: `sha256:${sha256(tar)}` };
  };
  const [sharedBytes = 1, ...ownBytes] = layerBytes;
  const shared = await layer(sharedBytes, "shared.bin");
  const platforms: object[] = [];
  for (const architecture of architectures) {
    const layers = [shared];
    for (const [nth, bytes] of ownBytes.entries()) layers.push(await layer(bytes, `layer${nth}.bin`));
    const rootfs = { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) };
    const config = await put("config.v1+json", json({ architecture, os: "linux", config: {}, rootfs }), blobs);
    const mediaType = `${types}.manifest.v1+json`;
    const body = { schemaVersion: 2, mediaType, config, layers: layers.map(({ descriptor }) => descriptor) };
    platforms.push({
      ...(await put("manifest.v1+json", json(body), manifests)),
      platform: { architecture, os: "linux" },
    });
  }
  // Without its own media type, as the specification allows.
  const index = await put("index.v1+json", json({ schemaVersion: 2, manifests: platforms }), manifests);
  const named = { ...index, annotations: { "org.opencontainers.image.ref.name": "1" } };
  await writeFile(join(folder, "index.json"), json({ schemaVersion: 2, manifests: [named] }));
  await writeFile(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  return { digest: index.digest, manifests, blobs };
}

/** Rejects where a blob or manifest of the image is missing in a layout or is not what its digest says. */
export async function checkLayout(folder: string, digests: Iterable<string>): Promise<void> {
  for (const digest of digests) {
    const actual = `sha256:${sha256(await readFile(join(folder, "blobs", ...digest.split(":"))))}`;
    if (actual !== digest) throw new Error(`${digest} is ${actual} in ${folder}`);
  }
}

function packed(tar: Buffer, packing: Packing): Uint8Array {
  if (packing === "none") return tar;
  if (packing === "gzip") return gzipSync(tar, { level: 1 });
  return execFileSync("zstd", ["-q", "-1", "-c"], { input: tar, maxBuffer: 2 * tar.length + 65_536 });
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** One file, as ustar (POSIX.1-1988) has it. */
function tarOf(name: string, content: Uint8Array): Buffer {
  const head = Buffer.alloc(512);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  head.write(name, 0);
  for (const [at, text] of [
    [100, octal(0o644, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(content.length, 11)],
    [136, octal(0, 11)],
    [148, "        "],
    [156, "0"],
    [257, "ustar\0" + "00"],
  ] as const) {
    head.write(text, at, "latin1");
  }
  head.write(
    `${octal(
      head.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
    "latin1",
  );
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([head, content, padding, Buffer.alloc(1024)]);
}
