// What whoever installs the package gets: how many packages with it, how large a tarball, and what is in it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot } from "./runtime/package-root.ts";

const mostPackages = 60;
const mostTarballBytes = 2e6;
const root = packageRoot();

interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly peer?: boolean;
  readonly hasInstallScript?: boolean;
}

test(`at most ${mostPackages} packages run in production, none with an install script`, () => {
  const lock: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
    readFileSync(join(root, "package-lock.json"), "utf8"),
  );
  const installed = Object.entries(lock.packages).filter(
    ([path, { dev, optional, peer }]) => path !== "" && !dev && !optional && !peer,
  );
  assert.ok(installed.length > 0 && installed.length <= mostPackages, `${installed.length} packages`);
  assert.deepEqual(
    installed.filter(([, { hasInstallScript }]) => hasInstallScript),
    [],
  );
});

test("the tarball is small, and has what runs and nothing that tests", () => {
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [packed] = JSON.parse(execFileSync("npm", args, { cwd: root, encoding: "utf8" }));
  const files: readonly string[] = packed.files.map(({ path }: { path: string }) => path);
  assert.ok(packed.size <= mostTarballBytes, `${packed.size} bytes`);
  const needed = ["LICENSE", "NOTICE", "README.md", "bin/dragonfly.js", "dist/index.d.ts", "dist/man/dragonfly.1"];
  assert.deepEqual(
    needed.filter((path) => !files.includes(path)),
    [],
  );
  assert.deepEqual(
    files.filter((path) => /\.test\.|^dist\/(?:testing|e2e)\//.test(path)),
    [],
  );
});

test("the libraries in the tarball come with their licences", () => {
  for (const name of ["cli/progress-bar", "net/x509-classes", "runtime/otlp-classes"]) {
    const code = readFileSync(join(root, "dist", `${name}.js`), "utf8");
    const imported = [...code.matchAll(/\bfrom\s*"([^"]+)"/g)].map(([, from = ""]) => from);
    assert.deepEqual(
      imported.filter((from) => !isBuiltin(from)),
      [],
      name,
    );
    assert.ok(existsSync(join(root, "dist", `${name}.LICENSE.txt`)));
  }
});
