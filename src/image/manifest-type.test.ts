import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestType, manifestTypes } from "./manifest-type.ts";

test("a manifest's type is what it says, else what its fields are", () => {
  const { ociManifest, ociIndex, dockerList } = manifestTypes;
  for (const [manifest, expected] of [
    [{ schemaVersion: 2, mediaType: dockerList, manifests: [] }, dockerList],
    [{ schemaVersion: 2, manifests: [] }, ociIndex],
    [{ schemaVersion: 2, config: {}, layers: [] }, ociManifest],
    [{ schemaVersion: 1, fsLayers: [] }, "application/vnd.docker.distribution.manifest.v1+prettyjws"],
    [{ mediaType: "text/html\r\nx: y", layers: [] }, ociManifest],
    [{ error: "no" }, undefined],
    ["text", undefined],
  ] as const) {
    assert.equal(manifestType(Buffer.from(JSON.stringify(manifest))), expected);
  }
  assert.equal(manifestType(Buffer.from("<html>")), undefined);
});
