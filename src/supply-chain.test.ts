// What comes with the package from others: from one registry, by its hash, without running anything at install time, and listed.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot } from "./runtime/package-root.ts";

interface Locked {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
}

const root = packageRoot();
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const locked = Object.entries(lock.packages).filter(([path]) => path !== "");

test("no dependency runs anything when it is installed", () => {
  const running = locked.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path);
  assert.deepEqual(running, []);
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
  for (const name of ["preinstall", "install", "postinstall", "prepare"]) assert.ok(!(name in scripts), name);
});

test("every dependency is pinned by its hash, and comes from the registry", () => {
  for (const [path, { resolved, integrity }] of locked) {
    assert.match(integrity ?? "", /^sha512-/, path);
    if (resolved !== undefined) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path);
  }
});

test("the bill of materials lists every package, each by its hash, and says which run in production", () => {
  const printed = execFileSync(process.execPath, [join(root, "scripts/sbom.js")], { encoding: "utf8" });
  const { components } = JSON.parse(printed) as {
    readonly components: readonly {
      readonly "bom-ref": string;
      readonly scope: string;
      readonly hashes: readonly { readonly content: string }[];
    }[];
  };
  const scopes = locked.map(([path, { dev }]) => `${path} ${dev === true ? "optional" : "required"}`);
  assert.deepEqual(
    components.map((one) => `${one["bom-ref"]} ${one.scope}`),
    scopes,
  );
  for (const { hashes } of components) assert.match(hashes[0]?.content ?? "", /^[0-9a-f]{128}$/);
});
