// The media type of a manifest, from the manifest itself: what comes from the swarm has no headers.

export const manifestTypes = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
} as const;

/** Docker's first schema says nothing of itself but its number. */
const signedManifest = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/** What it says of itself, else what it is by its fields; undefined for what is no manifest. */
export function manifestType(bytes: Uint8Array): string | undefined {
  const fields = parse(bytes);
  if (fields === undefined) return undefined;
  const { mediaType, manifests, schemaVersion, layers, config } = fields;
  if (typeof mediaType === "string" && /^[\w.+-]+\/[\w.+-]+$/.test(mediaType)) return mediaType;
  if (schemaVersion === 1) return signedManifest;
  if (Array.isArray(manifests)) return manifestTypes.ociIndex;
  return Array.isArray(layers) || config !== undefined ? manifestTypes.ociManifest : undefined;
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
