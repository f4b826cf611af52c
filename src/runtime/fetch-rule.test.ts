import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchRules, refusalOfAddress, refusalOfHost } from "./fetch-rule.ts";

const allowed = (rules: readonly string[], url: string, loopback = false): boolean =>
  refusalOfHost(fetchRules.parse(rules), loopback, new URL(url)) === undefined;
const open = (rules: readonly string[], address: string, loopback = false): boolean =>
  refusalOfAddress(fetchRules.parse(rules), loopback, address) === undefined;

test("without rules all may be read but what no origin lives at", () => {
  for (const url of ["http://files.example.com/", "https://10.0.0.1/", "http://[2001:db8::1]/", "http://localhost/"])
    assert.ok(allowed([], url), url);
  const never = ["169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254"];
  never.push("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "100.100.100.200", "224.0.0.1", "ff02::1");
  for (const address of never) assert.ok(!open([], address, true), address);
  for (const address of ["10.1.2.3", "192.168.1.1", "100.64.0.1", "8.8.8.8", "fd00::1", "2001:db8::1"])
    assert.ok(open([], address), address);
});

test("this machine's own addresses are for those who ask on it", () => {
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"]) {
    assert.ok(open([], address, true), address);
    assert.ok(!open([], address), address);
    assert.ok(open(["allow 127.0.0.0/8", "allow ::1", "allow 0.0.0.0/8", "allow ::"], address), address);
  }
});

test("an address has many spellings, and is one", () => {
  const spellings = ["2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.1", "127.0.0.1.", "%31%32%37.0.0.1"];
  spellings.push("①②⑦.0.0.1", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::1]", "0", "[::]");
  for (const host of spellings) assert.ok(!allowed([], `http://${host}/`), host);
  for (const host of ["2852039166", "0xa9fea9fe", "[::ffff:a9fe:a9fe]", "[fe80::1]"])
    assert.ok(!allowed([], `http://${host}/`, true), host);
});

test("the first rule that matches decides", () => {
  const inside = ["allow files.example.com", "allow *.cdn.example.com", "allow https://mirror.example.org", "deny *"];
  assert.ok(allowed(inside, "http://files.example.com:8080/a"));
  assert.ok(allowed(inside, "http://FILES.example.com./a"));
  assert.ok(allowed(inside, "http://a.b.cdn.example.com/"));
  assert.ok(allowed(inside, "https://mirror.example.org/"));
  for (const url of ["http://mirror.example.org/", "http://cdn.example.com/", "http://x.files.example.com/"])
    assert.ok(!allowed(inside, url), url);
  for (const url of ["http://8.8.8.8/", "http://[2001:db8::1]/"]) assert.ok(!allowed(inside, url), url);
  const plainInside = ["allow 10.0.0.0/8", "deny http://*"];
  assert.ok(allowed(plainInside, "http://10.0.0.1/"));
  assert.ok(allowed(plainInside, "https://example.com/"));
  assert.ok(!allowed(plainInside, "http://11.0.0.1/"));
});

test("a name that is allowed opens no address that is not", () => {
  const rules = ["allow internal.example.com", "allow *"];
  for (const address of ["169.254.169.254", "127.0.0.1"]) assert.ok(!open(rules, address), address);
  assert.ok(!open(["deny 10.0.0.0/8"], "::ffff:10.0.0.1"));
  assert.ok(open(["allow 10.1.0.0/16", "deny 10.0.0.0/8"], "10.1.0.1"));
});

test("rules come as a list, in one text, and are refused when they make no sense", () => {
  assert.equal(fetchRules.parse("allow a.example, deny *").length, 2);
  assert.deepEqual(fetchRules.parse(""), []);
  for (const rule of [
    "deny",
    "permit *",
    "deny **",
    "deny *example.com",
    "deny http://10.0.0.0/8",
    "deny ftp://*",
    "deny a/b",
  ])
    assert.throws(() => fetchRules.parse([rule]), { code: "bad-config", message: /is no rule/ }, rule);
});
