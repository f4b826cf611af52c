// What a manifest or an index names: OCI image specification 1.1 and Docker's second schema.

import { z } from "zod";
import { DragonflyError } from "../core/error.ts";
import { manifestType } from "./manifest-type.ts";
import type { Platform } from "./platform.ts";
import { type Digest, isDigest } from "./registry-path.ts";

export interface Descriptor {
  readonly digest: Digest;
  readonly lengthBytes: number;
  readonly isIndex: boolean;
  readonly platform: Platform | undefined;
}

export type ImageManifest =
  | { readonly kind: "index"; readonly manifests: readonly Descriptor[] }
  /** Configuration and layers, as far as a registry has them. */
  | { readonly kind: "image"; readonly blobs: readonly Descriptor[] };

const descriptor = z.object({
  mediaType: z.string().max(256).default(""),
  digest: z.string().max(300),
  size: z.number().int().nonnegative(),
  platform: z
    .object({
      os: z.string().max(64),
      architecture: z.string().max(64),
      variant: z.string().max(64).optional(),
    })
    .optional()
    .catch(undefined),
  /** Where a layer lies that must not be passed on; registries need not have it. */
  urls: z.array(z.string()).optional(),
});
const index = z.object({ manifests: z.array(descriptor).max(1024) });
const image = z.object({ config: descriptor, layers: z.array(descriptor).max(1024) });

const indexTypes = /\.image\.index\.|\.manifest\.list\./;
const foreignTypes = /\.foreign\.|nondistributable/;

/** Errors: `origin-refused` for what is none, or of a kind that nobody pulls any more. */
export function parseImageManifest(bytes: Uint8Array): ImageManifest {
  const type = manifestType(bytes);
  if (type === undefined) throw unreadable("it is no manifest");
  if (type.includes("docker.distribution.manifest.v1+")) throw unreadable("it is a manifest of Docker's first schema");
  const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  const asIndex = index.safeParse(value);
  if (asIndex.success) return { kind: "index", manifests: asIndex.data.manifests.map(descriptorOf) };
  const asImage = image.safeParse(value);
  if (!asImage.success) throw unreadable("it names neither manifests nor layers as it should");
  const { config, layers } = asImage.data;
  const kept = layers.filter(({ mediaType, urls }) => !foreignTypes.test(mediaType) && (urls ?? []).length === 0);
  return { kind: "image", blobs: [config, ...kept].map(descriptorOf) };
}

function descriptorOf({ mediaType, digest, size, platform }: z.infer<typeof descriptor>): Descriptor {
  if (!isDigest(digest)) throw unreadable(`it names ${digest.slice(0, 20)}…, which is not of SHA-256`);
  return { digest, lengthBytes: size, isIndex: indexTypes.test(mediaType), platform };
}

function unreadable(why: string): DragonflyError {
  return new DragonflyError("origin-refused", `what the registry has for the image cannot be preheated: ${why}`);
}
