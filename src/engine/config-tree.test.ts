import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigTree } from "./config-tree.ts";

async function inRoot(use: (tree: ConfigTree, root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "dragonfly-tree-"));
  try {
    await mkdir(join(root, "image/etc"), { recursive: true });
    await mkdir(join(root, "outside"));
    await use(new ConfigTree(join(root, "image")), root);
  } finally {
    await rm(root, { recursive: true });
  }
}

test("links, directories, long files and other encodings are refused", async () => {
  await inRoot(async (tree, root) => {
    const path = join(root, "image/etc/x");
    const refuse = async (why: RegExp): Promise<void> => {
      await assert.rejects(tree.read("/etc/x"), { code: "bad-config", message: why });
      await rm(path, { recursive: true });
    };
    assert.equal(await tree.read("/etc/x"), undefined);
    await symlink("y", path);
    await refuse(/symbolic link/);
    await mkdir(path);
    await refuse(/it is no file/);
    await writeFile(path, Buffer.from("\xff", "latin1"));
    await refuse(/not UTF-8/);
    await writeFile(path, " ".repeat((1 << 20) + 1));
    await refuse(/too long/);
  });
});

test("a byte-order mark and all else come and go as they are", async () => {
  await inRoot(async (tree, root) => {
    const text = "\ufeffa\r\n\0é";
    await tree.write("/etc/x", text);
    assert.equal(await readFile(join(root, "image/etc/x"), "utf8"), text);
    assert.equal(await tree.read("/etc/x"), text);
    assert.equal((await stat(join(root, "image/etc/x"))).mode & 0o777, 0o644);
    assert.deepEqual(await readdir(join(root, "image/etc")), ["x"], "no temporary file stays");
  });
});

test("no link leads a read, a file or a directory out of the root", async () => {
  await inRoot(async (tree, root) => {
    await symlink(join(root, "outside"), join(root, "image/etc/link"));
    await writeFile(join(root, "outside/x"), "");
    await assert.rejects(tree.read("/etc/link/x"), /a link leads to/);
    await assert.rejects(tree.write("/etc/link/x", "a"), /a link leads to/);
    await assert.rejects(tree.makeDirectory("/etc/link/a/b"), /a link leads to/);
    assert.deepEqual(await readdir(join(root, "outside")), ["x"]);
    assert.equal(await readFile(join(root, "outside/x"), "utf8"), "");
  });
});

test("directories are made where they are missing, and removed when they are empty", async () => {
  await inRoot(async (tree, root) => {
    assert.deepEqual(await tree.missingAbove("/etc/a/b/file"), ["/etc/a", "/etc/a/b"]);
    await tree.makeDirectory("/etc/a/b");
    assert.deepEqual(await tree.missingAbove("/etc/a/b/file"), []);
    await tree.removeDirectory("/etc/a");
    assert.deepEqual(await readdir(join(root, "image/etc/a")), ["b"]);
    await tree.removeDirectory("/etc/a/b");
    await tree.removeDirectory("/etc/a");
    assert.deepEqual(await tree.list("/etc"), []);
  });
});
