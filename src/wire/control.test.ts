import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DragonflyError } from "../core/error.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import {
  controlProtocol,
  type FromDaemon,
  type FromSupernode,
  parseFromDaemon,
  parseFromSupernode,
} from "./control.ts";

const host = "0".repeat(32) as HostId;
/** Of messages that are not sealed. */
const open = (message: unknown): unknown => message;
const version = "1".repeat(64) as VersionId;

test("messages come through as they were sent", () => {
  const fromDaemon: FromDaemon[] = [
    {
      type: "hello",
      protocol: controlProtocol,
      host,
      software: "x",
      address: null,
      labels: {},
      holdings: [],
      sealKey: "k",
    },
    { type: "register", request: 1, url: "http://h/a", headers: { a: "b" }, range: { first: 0, last: null } },
    { type: "more-neighbours", version, count: 2, least: host },
    { type: "bye" },
  ];
  for (const message of fromDaemon) assert.deepEqual(parseFromDaemon(JSON.stringify(message), open), message);
  const fromSupernode: FromSupernode[] = [
    { type: "drop", version, neighbour: host, reason: "left" },
    { type: "neighbours", version, neighbours: [{ id: host, address: "10.0.0.1:65002" }] },
    { type: "refused", request: 1, error: { code: "overloaded", blame: "self", message: "m", retryAfterMs: 5 } },
  ];
  for (const message of fromSupernode) assert.deepEqual(parseFromSupernode(JSON.stringify(message), open), message);
});

test("unknown optional fields are ignored, for newer peers", () => {
  assert.deepEqual(parseFromDaemon(JSON.stringify({ type: "bye", later: true }), open), { type: "bye" });
});

test("unknown types, other protocols and malformed ids are refused with the place of the fault", () => {
  const wrong: unknown[] = [
    { type: "hello-again" },
    { type: "hello", protocol: 2, host, software: "x", address: null, labels: {}, holdings: [] },
    { type: "leave", version: "../../etc/passwd" },
    { type: "more-neighbours", version, count: -1 },
    [],
    null,
    7,
  ];
  for (const message of wrong) {
    assert.throws(() => parseFromDaemon(JSON.stringify(message), open), { code: "protocol-violation" });
  }
  assert.throws(() => parseFromDaemon(JSON.stringify({ type: "leave", version: "x" }), open), /version/);
});

test("an address is nothing but a host and a port", () => {
  const message = (address: string | null) => ({ type: "neighbours", version, neighbours: [{ id: host, address }] });
  for (const address of [null, "10.0.0.1:65002", "[fd00::1]:1", "host-1.example:65002", ":65002"])
    parseFromSupernode(JSON.stringify(message(address)), open);
  for (const address of ["", "a", "a:b", "a:1\r\nX: y", "a/b:1", "a b:1", "a:123456", "u@h:1", "[\n]:1"])
    assert.throws(() => parseFromSupernode(JSON.stringify(message(address)), open), /address/, address);
});

test("headers are lines, and not too many", () => {
  const message = (headers: Record<string, string>) =>
    JSON.stringify({ type: "register", request: 1, url: "http://h/", headers });
  const many = Object.fromEntries(Array.from({ length: 257 }, (_, nth) => [`x-${nth}`, ""]));
  const wrong = [
    { "a b": "" },
    { "a:b": "" },
    { "": "" },
    { "a\r\nb": "" },
    { a: "b\r\nc: d" },
    { a: "\0" },
    { a: "\n" },
    many,
  ];
  for (const headers of wrong) assert.throws(() => parseFromDaemon(message(headers), open), /headers/);
  parseFromDaemon(message({ "X-Any_thing": "täxt with \t and \u{1F409}" }), open);
});

test("what is nested too deep is refused before it is parsed", () => {
  const deep = `{"type":"bye","later":${"[".repeat(20)}${"]".repeat(20)}}`;
  assert.throws(() => parseFromDaemon(deep, open), /nested too deep/);
  assert.throws(() => parseFromDaemon("[".repeat(8 << 20), open), /nested too deep/);
  const text = JSON.stringify({ type: "bye", later: `\\"${"[{".repeat(50)}\\` });
  assert.deepEqual(parseFromDaemon(text, open), { type: "bye" });
});

test("garbage is refused and nothing else", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      for (const parse of [parseFromDaemon, parseFromSupernode]) {
        try {
          parse(text, open);
        } catch (error) {
          assert.ok(error instanceof DragonflyError);
          assert.equal(error.code, "protocol-violation");
        }
      }
    }),
  );
});
