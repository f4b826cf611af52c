import assert from "node:assert/strict";
import { test } from "node:test";
import { networkOf, parseNetwork } from "./network.ts";

test("a network contains its addresses, however IPv6 hides them", () => {
  const network = networkOf("test", "10.0.0.0/8", "fd00::/8");
  const inside = ["10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203", "0:0:0:0:0:FFFF:0A01:0203", "64:ff9b::10.1.2.3"];
  inside.push("64:ff9b:1::10.1.2.3", "2002:a01:203::1", "::10.1.2.3", "::ffff:0:10.1.2.3", "fd12::1", "fd12::1%eth0");
  for (const address of inside) assert.ok(network.contains(address), address);
  const outside = ["11.1.2.3", "::ffff:11.1.2.3", "64:ff9b::11.1.2.3", "2003:a01:203::1", "fe80::1", "::1", "::"];
  for (const address of outside) assert.ok(!network.contains(address), address);
});

test("what is no network is none", () => {
  for (const text of ["10.0.0.0/8", "10.0.0.1", "::1", "[::1]", "fd00::/8", "[fd00::]/8", "0.0.0.0/0"])
    assert.equal(parseNetwork(text)?.text, text);
  for (const text of [
    "",
    "10.0.0/8",
    "10.0.0.0/33",
    "::/129",
    "fe80::1%eth0",
    "example.com",
    "10.0.0.0/x",
    "1/8",
    "[a]",
  ])
    assert.equal(parseNetwork(text), undefined, text);
});
