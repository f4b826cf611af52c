// From an image to all that a pull of it fetches: follows indexes to the platforms that are wanted, and manifests to configuration and layers.

import { DragonflyError } from "../core/error.ts";
import { type Descriptor, parseImageManifest } from "./image-manifest.ts";
import { formatPlatform, matchesPlatform, type Platform } from "./platform.ts";
import type { Digest } from "./registry-path.ts";

export interface ImageContent {
  readonly kind: "manifest" | "blob";
  readonly digest: Digest;
  /** In bytes; null for the first manifest, which nothing describes. */
  readonly length: number | null;
}

/** The bytes of a manifest, which have its digest. */
export type ReadManifest = (digest: Digest, length: number | null) => Promise<Uint8Array>;

const maxDepth = 4;
const maxContents = 4096;

/**
 * Each content once, manifests before what they name. No platforms: all of them. An image without an index is taken as it is. Errors: those of
 * `read`, `not-found` where the index has none of a wanted platform, `origin-refused` for what is no image.
 */
export async function imageContents(
  top: Digest,
  platforms: readonly Platform[],
  read: ReadManifest,
): Promise<readonly ImageContent[]> {
  const contents = new Map<Digest, ImageContent>();
  const found: Platform[] = [];
  const add = (content: ImageContent): void => {
    contents.set(content.digest, content);
    if (contents.size > maxContents) {
      throw new DragonflyError("origin-refused", `the image has more than ${maxContents} parts`);
    }
  };
  const follow = async (digest: Digest, length: number | null, depth: number): Promise<void> => {
    if (contents.has(digest)) return;
    if (depth > maxDepth) throw new DragonflyError("origin-refused", "the image's indexes lead to others too often");
    add({ kind: "manifest", digest, length });
    const manifest = parseImageManifest(await read(digest, length));
    if (manifest.kind === "image") {
      for (const blob of manifest.blobs) add({ kind: "blob", digest: blob.digest, length: blob.lengthBytes });
      return;
    }
    for (const one of manifest.manifests) {
      if (one.platform !== undefined) found.push(one.platform);
      if (isWanted(one, platforms)) await follow(one.digest, one.lengthBytes, depth + 1);
    }
  };
  await follow(top, null, 1);
  checkAllFound(platforms, found);
  return [...contents.values()];
}

/** What belongs to no platform, attestations for example, comes with all of them only. */
function isWanted({ platform, isIndex }: Descriptor, platforms: readonly Platform[]): boolean {
  if (platforms.length === 0) return true;
  if (platform === undefined) return isIndex;
  return platforms.some((wanted) => matchesPlatform(platform, wanted));
}

function checkAllFound(platforms: readonly Platform[], found: readonly Platform[]): void {
  if (found.length === 0) return;
  const missing = platforms.filter((wanted) => !found.some((has) => matchesPlatform(has, wanted)));
  if (missing.length === 0) return;
  const has = [...new Set(found.filter(({ os }) => os !== "unknown").map(formatPlatform))].slice(0, 20).join(", ");
  const message = `the image has no ${missing.map(formatPlatform).join(", ")}; it has ${has}`;
  throw new DragonflyError("not-found", message);
}
