import assert from "node:assert/strict";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { formatImageReference, parseImageReference } from "./reference.ts";

const hub = "https://registry-1.docker.io";
const digest = `sha256:${"ab".repeat(32)}`;

test("what is left out of a name is filled in", () => {
  const table: readonly (readonly [string, string, string, string])[] = [
    ["nginx", hub, "library/nginx", "latest"],
    ["oci://nginx:1.27", hub, "library/nginx", "1.27"],
    ["grafana/grafana", hub, "grafana/grafana", "latest"],
    ["docker.io/nginx", hub, "library/nginx", "latest"],
    ["index.docker.io/library/nginx:1", hub, "library/nginx", "1"],
    ["docker.io/a/b/c:x", hub, "a/b/c", "x"],
    ["quay.io/team/app:v1.2", "https://quay.io", "team/app", "v1.2"],
    ["oci://registry.example:5000/app", "https://registry.example:5000", "app", "latest"],
    ["localhost/app:1", "https://localhost", "app", "1"],
    ["localhost:5000/team/app:1", "https://localhost:5000", "team/app", "1"],
    [`quay.io/team/app@${digest}`, "https://quay.io", "team/app", digest],
    [`quay.io/team/app:v1@${digest}`, "https://quay.io", "team/app", digest],
    [`nginx@${digest}`, hub, "library/nginx", digest],
    ["http://127.0.0.1:5000/v2/team/app/manifests/1", "http://127.0.0.1:5000", "team/app", "1"],
    [`https://quay.io/v2/a/manifests/${digest}`, "https://quay.io", "a", digest],
  ];
  for (const [text, upstream, name, reference] of table) {
    const read = parseImageReference(text);
    const wanted = read.wanted.kind === "tag" ? read.wanted.tag : read.wanted.digest;
    assert.deepEqual([read.upstream, read.name, wanted], [upstream, name, reference], text);
  }
});

test("a registry without TLS is spoken to in plain HTTP when that is said", () => {
  assert.equal(parseImageReference("127.0.0.1:5000/app", true).upstream, "http://127.0.0.1:5000");
});

test("a reference is shown in full", () => {
  assert.equal(formatImageReference(parseImageReference("nginx")), "oci://registry-1.docker.io/library/nginx:latest");
  assert.equal(formatImageReference(parseImageReference(`quay.io/a:1@${digest}`)), `oci://quay.io/a@${digest}`);
});

test("what is no image is refused, and no password is repeated", () => {
  const table = [
    "",
    "oci://",
    "UPPER",
    "quay.io/Team/app",
    "nginx:",
    "nginx:-x",
    "nginx@sha256:12",
    `nginx@sha512:${"a".repeat(128)}`,
    "quay.io/",
    "ftp://quay.io/app",
    "https://quay.io/team/app",
    "ada:sesame@quay.io/team/app",
    "https://ada:sesame@quay.io/v2/a/manifests/1",
    "oci://ada:sesame@quay.io/app:1",
    "quay.io/../etc:1",
  ];
  for (const text of table) {
    assert.throws(
      () => parseImageReference(text),
      (error) => error instanceof DragonflyError && error.code === "bad-usage" && !error.message.includes("sesame"),
      text,
    );
  }
});
