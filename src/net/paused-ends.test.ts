import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { HttpDoor } from "./http-door.ts";

/** As much as is buffered before a body asks for no more: the pause comes with the last byte. */
const content = Buffer.alloc(64 * 1024, "dragonfly ");
const chunked = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n0\r\n\r\n")]);

/** Says this to whoever asks, and closes with the last byte. */
async function closingServer(answer: Buffer) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, [Symbol.asyncDispose]: close };
}

const ways: Record<string, readonly [head: string, body: Buffer]> = {
  "HTTP/1.0 with a length": [`HTTP/1.0 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`, content],
  "HTTP/1.0 without a length": ["HTTP/1.0 200 OK\r\n\r\n", content],
  "HTTP/1.1 that says it closes": [
    `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${content.length}\r\n\r\n`,
    content,
  ],
  "HTTP/1.1 that closes unannounced": [`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`, content],
  "HTTP/1.1 in chunks": [
    "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
    chunked(content),
  ],
};

for (const [way, [head, body]] of Object.entries(ways)) {
  test(`a connection that ends while its answer waits for the reader gives all of it: ${way}`, async () => {
    await using server = await closingServer(Buffer.concat([Buffer.from(head), body]));
    const door = new HttpDoor();
    try {
      const answer = await door.request(server.url);
      // The end is there long before the first byte is read.
      await pause(100);
      assert.ok((await buffer(answer.body)).equals(content));
    } finally {
      await door.close();
    }
  });
}

test("what breaks off while its answer waits for the reader is not taken for whole", async () => {
  const head = `HTTP/1.0 200 OK\r\nContent-Length: ${content.length + 1}\r\n\r\n`;
  await using server = await closingServer(Buffer.concat([Buffer.from(head), content]));
  const door = new HttpDoor();
  try {
    const answer = await door.request(server.url);
    await pause(100);
    await assert.rejects(buffer(answer.body));
  } finally {
    await door.close();
  }
});
