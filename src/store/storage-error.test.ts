import assert from "node:assert/strict";
import { test } from "node:test";
import { DragonflyError, type ErrorCode } from "../core/error.ts";
import { storageError } from "./storage-error.ts";

const table: readonly [string, ErrorCode, RegExp][] = [
  ["ENOSPC", "no-space", /^\/data: no space left on the device \(ENOSPC\): free space/],
  ["EDQUOT", "no-space", /^\/data: the user's disk quota is used up \(EDQUOT\): free space/],
  ["EACCES", "not-writable", /^\/data: .*\(EACCES\): give this user the right/],
  ["EROFS", "not-writable", /^\/data: .*\(EROFS\): the file system is read-only/],
  ["ENOENT", "not-writable", /^\/data: .*\(ENOENT\): it was removed/],
  ["EMFILE", "overloaded", /^\/data: too many open files \(EMFILE\): raise/],
  ["EUCLEAN", "not-writable", /^\/data: .*\(EUCLEAN\): check/],
];

for (const [system, code, message] of table) {
  test(`${system} is ${code}, with the path, the cause and what to do`, () => {
    const cause = Object.assign(new Error(system), { code: system });
    const error = storageError(cause, "/data");
    assert.deepEqual([error.code, error.cause], [code, cause]);
    assert.match(error.message, message);
  });
}

test("an error of our own passes, another one is a fault of this program", () => {
  const own = new DragonflyError("no-space", "full");
  assert.equal(storageError(own, "/data"), own);
  assert.equal(storageError(new TypeError("x"), "/data").code, "internal");
});
