import assert from "node:assert/strict";
import { test } from "node:test";
import { registryPath } from "./registry-path.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

test("manifests and blobs by digest are content, tags and all else is the registry's", () => {
  assert.deepEqual(registryPath("/v2/"), { kind: "ping" });
  assert.deepEqual(registryPath(`/v2/a/b-c/d__e/manifests/${digest}`), {
    kind: "manifest",
    name: "a/b-c/d__e",
    digest,
  });
  assert.deepEqual(registryPath(`/v2/manifests/blobs/${digest}`), { kind: "blob", name: "manifests", digest });
  assert.deepEqual(registryPath(`/v2/app/blobs/${digest.replace(":", "%3A")}`), { kind: "blob", name: "app", digest });
  assert.deepEqual(registryPath("/v2/app/manifests/latest"), { kind: "tag", name: "app" });
  assert.deepEqual(registryPath("/v2/app/manifests/v1.2_3-x"), { kind: "tag", name: "app" });
  for (const path of [
    `/v2/app/blobs/sha512:${"0".repeat(128)}`,
    "/v2/app/tags/list",
    `/v2/app/referrers/${digest}`,
    "/v2/app/blobs/uploads/",
    "/v2/app/blobs/uploads/6b3c9a93-af5d-473f-a4cd-9710022185cd",
  ]) {
    assert.deepEqual(registryPath(path), { kind: "other", name: "app" }, path);
  }
  assert.deepEqual(registryPath("/v2/_catalog"), { kind: "other" });
});

test("what the grammar does not allow gets no further", () => {
  for (const path of [
    "/v2/App/manifests/latest",
    "/v2/a..b/manifests/latest",
    "/v2/../secret/manifests/latest",
    "/v2/%2e%2e/manifests/latest",
    "/v2/app/manifests/..",
    `/v2/${"a".repeat(256)}/manifests/latest`,
    `/v2/app/manifests/${"t".repeat(129)}`,
    `/v2/app/blobs/${digest.slice(0, -1)}`,
    `/v2/app/blobs/${digest.toUpperCase()}`,
    "/v2/app/blobs/latest",
    "/v2/app/referrers/latest",
    "/v2/app/manifests/%",
    "/v2/app/manifests/",
  ]) {
    assert.throws(() => registryPath(path), { code: "bad-usage" }, path);
  }
  for (const path of ["/", "/v1/_ping", "/v2/app", "/v2/app/tags/../list", "/v2/app/blobs/uploads/.."]) {
    assert.equal(registryPath(path), undefined, path);
  }
});
