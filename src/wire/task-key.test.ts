import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DragonflyError } from "../core/error.ts";
import { parseByteRange, type TaskRequest, taskKey, versionIdOf } from "./task-key.ts";
import { versionRecord } from "./version-record.ts";

const key = (url: string, more: Partial<TaskRequest> = {}) => taskKey({ url, headers: {}, ...more });

test("what one authority lets through gives no rights to those who trust another", () => {
  const contentDigest = `sha256:${"0".repeat(64)}` as const;
  const of = (more: Partial<TaskRequest>) => key("https://host/a", { contentDigest, ...more });
  const all = [of({}), of({ ca: "one" }), of({ ca: "two" }), of({ insecureOrigin: true })];
  assert.equal(new Set(all.map(({ id }) => id)).size, 1);
  assert.equal(new Set(all.map(({ everybody }) => everybody)).size, 4);
});

test("rights take the place of the Authorization that stands for them", () => {
  const audience = (authorization: string, rights?: string) =>
    taskKey({ url: "https://host/a", headers: { authorization, accept: "x" }, rights }).audience;
  assert.equal(audience("Bearer 1", "ada"), audience("Bearer 2", "ada"));
  assert.notEqual(audience("Bearer 1", "ada"), audience("Bearer 1", "eve"));
  assert.notEqual(audience("Bearer 1", "ada"), audience("Bearer 1"));
  assert.equal(audience("Bearer 1", ""), "");
  assert.notEqual(taskKey({ url: "https://host/a", headers: { cookie: "x" }, rights: "" }).audience, "");
});

test("the same resource written in different ways is one task", () => {
  const written = ["http://h/a", "HTTP://H/a", "http://h:80/a", "http://h/b/../a", "http://h/a#part"];
  assert.equal(new Set(written.map((url) => key(url).id)).size, 1);
});

test("path, query, tag and range make other tasks", () => {
  const tasks = [
    key("http://h/a"),
    key("http://h/A"),
    key("http://h/a?x=1"),
    key("http://h/a?x=2"),
    key("https://h/a"),
    key("http://h/a", { tag: "t" }),
    key("http://h/a", { range: { first: 0, last: 9 } }),
    key("http://h/a", { range: { first: 0, last: null } }),
  ];
  assert.equal(new Set(tasks.map(({ id }) => id)).size, tasks.length);
});

test("credentials in the URL are used, are not shown and do not make another task", () => {
  const open = key("http://h/a");
  const closed = key("http://us%40er:se%3Acret@h/a");
  assert.equal(closed.id, open.id);
  assert.equal(closed.displayUrl, "http://h/a");
  assert.equal(closed.originUrl, "http://h/a");
  assert.equal(closed.headers.Authorization, `Basic ${Buffer.from("us@er:se:cret").toString("base64")}`);
  assert.notEqual(closed.audience, open.audience);
});

test("an authorization that the user gives wins over the one in the URL", () => {
  const { headers } = key("http://u:p@h/a", { headers: { authorization: "Bearer t" } });
  assert.deepEqual(headers, { authorization: "Bearer t" });
});

test("who asks with other rights is another audience, harmless headers make none", () => {
  assert.equal(key("http://h/a").audience, "");
  assert.equal(key("http://h/a", { headers: { Accept: "*/*", "User-Agent": "x" } }).audience, "");
  const one = key("http://h/a", { headers: { "X-Token": "1" } }).audience;
  assert.notEqual(one, "");
  assert.equal(key("http://h/a", { headers: { "x-token": "1", accept: "*/*" } }).audience, one);
  assert.notEqual(key("http://h/a", { headers: { "X-Token": "2" } }).audience, one);
});

test("signatures of object stores do not make another task, but another audience", () => {
  const signed = [
    "X-Amz-Algorithm=A&X-Amz-Signature=1&X-Amz-Date=2",
    "AWSAccessKeyId=a&Signature=b&Expires=c",
    "X-Goog-Signature=1&X-Goog-Date=2",
    "Expires=a&Policy=b&Signature=c&Key-Pair-Id=d",
    "sv=2020&sig=abc&se=2030",
    "OSSAccessKeyId=a&Signature=b&Expires=c",
    "AccessKeyId=a&Signature=b&Expires=c",
    "q-sign-algorithm=sha1&q-ak=x&q-signature=y",
  ];
  for (const query of signed) {
    const task = key(`http://h/a?keep=1&${query}`);
    assert.equal(task.id, key("http://h/a?keep=1").id, query);
    assert.equal(task.displayUrl, "http://h/a?keep=1");
    assert.equal(task.originUrl, `http://h/a?keep=1&${query}`);
    assert.notEqual(task.audience, "");
  }
});

test("ordinary parameters with the names of signatures are kept where there is no signature", () => {
  assert.notEqual(key("http://h/a?Expires=1").id, key("http://h/a").id);
  assert.notEqual(key("http://h/a?sv=1").id, key("http://h/a?sv=2").id);
});

test("parameters that the user filters do not count", () => {
  const filter = ["session", "t"];
  assert.equal(key("http://h/a?session=1&x=2&t=3", { filter }).id, key("http://h/a?x=2").id);
  assert.equal(key("http://h/a?session=1", { filter }).displayUrl, "http://h/a");
});

test("what is no URL or not HTTP is refused without showing a password", () => {
  assert.throws(() => key("ftp://h/a"), { code: "unsupported-scheme" });
  assert.throws(
    () => key("//user:secret@"),
    (error: DragonflyError) => error.code === "bad-usage" && !error.message.includes("secret"),
  );
});

test("what a digest names is one task wherever it comes from, and each place has rights of its own", () => {
  const contentDigest = `sha256:${"ab".repeat(32)}` as const;
  const one = key("https://a.example/v2/x/blobs/1", { contentDigest });
  const other = key("https://b.example/v2/y/blobs/1", {
    contentDigest,
    tag: "t",
    ca: "PEM",
    headers: { Authorization: "b" },
  });
  assert.equal(one.id, other.id);
  assert.notEqual(one.id, key("https://a.example/v2/x/blobs/1").id);
  assert.notEqual(one.id, key("https://a.example/v2/x/blobs/1", { contentDigest, range: { first: 0, last: 1 } }).id);
  assert.notEqual(one.id, key("https://a.example/", { contentDigest: `sha256:${"cd".repeat(32)}` }).id);
  assert.equal(one.audience, one.everybody);
  assert.notEqual(one.everybody, other.everybody);
  assert.notEqual(other.audience, other.everybody);
  const [record, elsewhere] = [
    versionRecord(one, { length: 5, etag: "e" }),
    versionRecord(other, { length: 5, etag: "f" }),
  ];
  assert.equal(record.id, elsewhere.id);
  assert.equal(record.digest, contentDigest);
});

test("no two lists of parts encode alike", () => {
  const field = fc.string({ maxLength: 6 });
  fc.assert(
    fc.property(field, field, field, field, (a, b, c, d) => {
      const same = a === c && b === d;
      const one = key("http://h/a", { tag: a, headers: { "x-a": b } });
      const two = key("http://h/a", { tag: c, headers: { "x-a": d } });
      assert.equal(one.id === two.id && one.audience === two.audience, same);
    }),
  );
});

test("a version is a task's content of one length and validator", () => {
  const { id } = key("http://h/a");
  const other = key("http://h/b").id;
  const versions = [
    versionIdOf(id, 1, "e"),
    versionIdOf(id, 2, "e"),
    versionIdOf(id, null, "e"),
    versionIdOf(id, 1, "f"),
    versionIdOf(other, 1, "e"),
  ];
  assert.equal(new Set(versions).size, versions.length);
  assert.equal(versionIdOf(id, 1, "e"), versions[0]);
});

test("byte ranges are read with and without their unit", () => {
  assert.deepEqual(parseByteRange("1000-1999"), { first: 1000, last: 1999 });
  assert.deepEqual(parseByteRange("bytes=0-0"), { first: 0, last: 0 });
  assert.deepEqual(parseByteRange("5-"), { first: 5, last: null });
  for (const text of ["", "-5", "5-4", "a-b", "1-2,4-5", "1 - 2"]) {
    assert.throws(() => parseByteRange(text), { code: "bad-usage" }, text);
  }
});
