import assert from "node:assert/strict";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { openLog, silentLog } from "./log.ts";

function recorder(): { readonly lines: string[]; write(line: string): void } {
  const lines: string[] = [];
  return { lines, write: (line) => void lines.push(line) };
}

test("a text line has time, level, message and fields, quoted where they must be", async () => {
  const sink = recorder();
  const log = await openLog({ level: "info", format: "text" }, sink);
  log.child({ task: "t1" }).info("piece verified", { index: 3, from: "a b", ok: true });
  log.debug("not written");
  assert.equal(sink.lines.length, 1);
  assert.match(
    sink.lines[0] ?? "",
    /^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}piece verified task=t1 index=3 from="a b" ok=true\n$/,
  );
});

test("a JSON line is one object", async () => {
  const sink = recorder();
  const log = await openLog({ level: "warn", format: "json" }, sink);
  log.warn("peer failed", { peer: "p1" });
  log.info("not written");
  const [line = ""] = sink.lines;
  assert.equal(sink.lines.length, 1);
  const { level, msg, peer } = JSON.parse(line);
  assert.deepEqual({ level, msg, peer }, { level: "warn", msg: "peer failed", peer: "p1" });
});

test("credentials are never written, however deep they lie", async () => {
  const headers = {
    Authorization: "Bearer s3cret",
    Cookie: "s3cret",
    "Proxy-Authorization": "s3cret",
    "X-Auth-Token": "s3cret",
  };
  for (const format of ["text", "json"] as const) {
    const sink = recorder();
    const log = await openLog({ level: "debug", format }, sink);
    log.info("asked", {
      headers,
      deep: { er: [{ "set-cookie": "s3cret", token: "s3cret" }] },
      url: "https://ada:s3cret@h/f",
    });
    log.error("failed", { error: new Error("cannot read https://ada:s3cret@h/f") });
    assert.equal(sink.lines.length, 2);
    assert.doesNotMatch(sink.lines.join(""), /s3cret/);
    assert.match(sink.lines.join(""), /\[redacted\]/);
    assert.match(sink.lines.join(""), /https:\/\/h\/f/);
  }
});

test("an error is written with its code, blame and cause, and a circle ends", async () => {
  const sink = recorder();
  const log = await openLog({ level: "info", format: "text" }, sink);
  const error = new DragonflyError("digest-mismatch", "not what was asked", {
    blame: "peer",
    cause: new Error("inner"),
  });
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  log.error("download failed", { error, circle });
  assert.match(sink.lines[0] ?? "", /"code":"digest-mismatch","blame":"peer"/);
  assert.match(sink.lines[0] ?? "", /inner/);
  silentLog.error("nothing", { error });
});
