import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { main } from "./main.ts";

async function doctor(home: string, ...args: readonly string[]): Promise<readonly [exit: number, stdout: string]> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { stdout, stderr, env: { HOME: home }, signals: new EventEmitter(), leave: () => {}, program: "/none" };
  const own = ["--socket", join(home, "d.sock"), "--data-dir", join(home, "d"), "--listen", "127.0.0.1:0"];
  const exit = await main({ program: "dragonfly" }, ["doctor", ...own, ...args], io);
  assert.equal(stderr.read(), null);
  return [exit, String(stdout.read() ?? "")];
}

test("doctor tells each thing in a line, what to do below it, and exits with 1 where anything fails", async () => {
  const home = await mkdtemp(join(tmpdir(), "doctor-cli-"));
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const taken = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  try {
    const [well, stdout] = await doctor(home, "--proxy", "off");
    assert.equal(well, 0);
    assert.match(stdout, /^warn {2}daemon {5}none runs at .*\n {17}-> start it: dragonfly daemon/);
    assert.match(stdout, /\nok {4}port {7}127\.0\.0\.1:0 \(--listen\): any that is free\n/);
    const [ill, told] = await doctor(home, "--proxy", taken, "--json");
    assert.equal(ill, 1);
    const { ok, findings } = JSON.parse(told);
    assert.equal(ok, false);
    const failed = findings.filter(({ state }: { state: string }) => state === "fail");
    assert.deepEqual(
      failed.map(({ subject, todo }: { subject: string; todo: string }) => [subject, todo]),
      [["port", "stop it, or choose another with --proxy HOST:PORT"]],
    );
  } finally {
    other.close();
    await rm(home, { recursive: true });
  }
});
