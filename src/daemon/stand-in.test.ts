import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import { socketOwnerOf } from "../runtime/locations.ts";
import { ProcessLock } from "../runtime/process-lock.ts";
import { insteadOfStandIn } from "./stand-in.ts";

let sockets = 0;

/** A daemon as far as it is asked here: what it is, and to leave. */
async function daemon(socket: string, standIn: boolean) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.setHeader("connection", "close");
    response.end(JSON.stringify({ version: "1.0.0", supernodes: [], standIn }));
    if (request.url === "/api/v1/give-way") server.close();
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return { asked, server };
}

/** Opens a socket of which somebody else's is not taken over, as the daemon's. */
function opening(socket: string) {
  const server = createServer();
  return {
    server,
    open: () =>
      new Promise<string>((resolve, reject) => {
        const taken = (cause: Error): void =>
          reject(new DragonflyError("address-in-use", "a daemon listens there already", { cause }));
        server.once("error", taken);
        server.listen(socket, () => resolve("open"));
      }),
  };
}

async function withSocket(run: (socket: string) => Promise<void>): Promise<void> {
  const socket = join(tmpdir(), `dragonfly-stand-in-${process.pid}-${sockets++}.sock`);
  try {
    await run(socket);
  } finally {
    await rm(socket, { force: true });
  }
}

test("a stand-in is asked to leave, and what it left is opened", () =>
  withSocket(async (socket) => {
    const { asked } = await daemon(socket, true);
    const { server, open } = opening(socket);
    assert.equal(await insteadOfStandIn(socket, open), "open");
    assert.deepEqual(asked, ["GET /api/v1/status", "POST /api/v1/give-way"]);
    server.close();
  }));

test("so is one that comes when nobody was there to be asked", () =>
  withSocket(async (socket) => {
    const { server, open } = opening(socket);
    let asked: string[] | undefined;
    const late = async (): Promise<string> => {
      asked ??= (await daemon(socket, true)).asked;
      return open();
    };
    assert.equal(await insteadOfStandIn(socket, late), "open");
    assert.ok(asked?.includes("POST /api/v1/give-way"));
    server.close();
  }));

test("whoever has the socket and does not answer is waited for", () =>
  withSocket(async (socket) => {
    const owner = await ProcessLock.take(socketOwnerOf(socket));
    const { server, open } = opening(socket);
    let opened = false;
    const opens = insteadOfStandIn(socket, () => {
      opened = true;
      return open();
    });
    await setTimeout(200);
    assert.equal(opened, false);
    await owner?.release();
    assert.equal(await opens, "open");
    server.close();
  }));

test("a daemon that is there to stay is not asked to leave", () =>
  withSocket(async (socket) => {
    const { asked, server } = await daemon(socket, false);
    await assert.rejects(insteadOfStandIn(socket, opening(socket).open), { code: "address-in-use" });
    assert.deepEqual(new Set(asked), new Set(["GET /api/v1/status"]));
    server.close();
  }));
