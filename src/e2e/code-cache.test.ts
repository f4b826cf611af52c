import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { packageRoot } from "../runtime/package-root.ts";

const onUnix = { skip: process.getuid === undefined ? "users are told apart by number" : false };
const isNodesOwn = Number.parseInt(process.versions.node, 10) >= 22;
const ofOurs = { skip: isNodesOwn ? "Node keeps it by itself" : onUnix.skip };

let home: string;
let folder: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "dragonfly-code-"));
  folder = join(home, "dragonfly");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** `dragonfly man`, as it prints itself. */
function printManual(...more: readonly string[]): string {
  const env = { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: home };
  return execFileSync(process.execPath, [join(packageRoot(), "bin", "dragonfly.js"), "man", ...more], {
    env,
    encoding: "utf8",
  });
}

test("what was compiled is kept where nobody else writes", onUnix, () => {
  printManual();
  assert.notEqual(readdirSync(folder).length, 0);
});

test("what another user could have put there is not run, and nothing is added to it", onUnix, () => {
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  assert.match(printManual(), /dragonfly/);
  assert.deepEqual(readdirSync(folder), []);
});

test("a run that asks for help teaches nothing", ofOurs, () => {
  printManual("--help");
  assert.equal(existsSync(folder), false);
});

test("what is kept is used, and written anew where it is stale or damaged", ofOurs, () => {
  const first = printManual();
  const [name = ""] = readdirSync(folder);
  const file = join(folder, name);
  const kept = readFileSync(file);
  const marked = (bytes: Buffer): void => {
    writeFileSync(file, bytes);
    assert.equal(printManual(), first);
  };

  // With more behind it than V8's reader looks at, it would lose that by being written anew.
  const longer = Buffer.concat([kept, Buffer.from("behind")]);
  marked(longer);
  assert.deepEqual(readFileSync(file), longer);

  const flipped = Buffer.from(kept);
  flipped.writeUInt8(flipped.readUInt8(kept.length >> 1) ^ 1, kept.length >> 1);
  for (const damaged of [kept.subarray(0, kept.length >> 1), flipped, Buffer.alloc(kept.length), Buffer.alloc(0)]) {
    marked(damaged);
    assert.notDeepEqual(readFileSync(file), damaged);
    marked(readFileSync(file));
  }
  assert.deepEqual(readdirSync(folder), [name]);
});
