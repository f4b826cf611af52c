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
const version = "1".repeat(64) as VersionId;

test("messages come through as they were sent", () => {
  const fromDaemon: FromDaemon[] = [
    { type: "hello", protocol: controlProtocol, host, software: "x", address: null, labels: {}, holdings: [] },
    { type: "register", request: 1, url: "http://h/a", headers: { a: "b" }, range: { first: 0, last: null } },
    { type: "more-neighbours", version, count: 2, least: host },
    { type: "bye" },
  ];
  for (const message of fromDaemon) assert.deepEqual(parseFromDaemon(JSON.stringify(message)), message);
  const fromSupernode: FromSupernode[] = [
    { type: "drop", version, neighbour: host, reason: "left" },
    { type: "neighbours", version, neighbours: [{ id: host, address: "10.0.0.1:65002" }] },
    { type: "refused", request: 1, error: { code: "overloaded", blame: "self", message: "m", retryAfterMs: 5 } },
  ];
  for (const message of fromSupernode) assert.deepEqual(parseFromSupernode(JSON.stringify(message)), message);
});

test("unknown optional fields are ignored, for newer peers", () => {
  assert.deepEqual(parseFromDaemon(JSON.stringify({ type: "bye", later: true })), { type: "bye" });
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
    assert.throws(() => parseFromDaemon(JSON.stringify(message)), { code: "protocol-violation" });
  }
  assert.throws(() => parseFromDaemon(JSON.stringify({ type: "leave", version: "x" })), /version/);
});

test("garbage is refused and nothing else", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      for (const parse of [parseFromDaemon, parseFromSupernode]) {
        try {
          parse(text);
        } catch (error) {
          assert.ok(error instanceof DragonflyError);
          assert.equal(error.code, "protocol-violation");
        }
      }
    }),
  );
});
