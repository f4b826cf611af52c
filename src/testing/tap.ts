// A TCP relay that keeps what passes through it: what somebody on the way between two processes can read, and alter.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class Tap {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #heard: Buffer[] = [];

  private constructor(target: URL, alter: (chunk: Buffer) => Buffer) {
    this.#server = createServer((near) => {
      const far = connect(Number(target.port), target.hostname);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on("data", (chunk: Buffer) => {
          this.#heard.push(chunk);
          to.write(from === far ? alter(chunk) : chunk);
        });
        from.on("end", () => to.end());
        from.on("error", () => to.destroy()).on("close", () => to.destroy());
      }
    });
  }

  /** In front of `http://host:port`; `alter` is given what that says, as it comes. */
  static async start(url: string, alter = (chunk: Buffer): Buffer => chunk): Promise<Tap> {
    const tap = new Tap(new URL(url), alter);
    tap.#server.listen(0, "127.0.0.1");
    await once(tap.#server, "listening");
    return tap;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Everything in both directions; WebSocket frames of clients are masked, and this takes the masks off. */
  get heard(): string {
    return this.#heard.map((chunk) => `${chunk.toString("latin1")}\n${unmasked(chunk)}`).join("\n");
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** The payloads of a client's frames, where the chunk begins with one (RFC 6455, section 5.2). */
function unmasked(chunk: Buffer): string {
  let text = "";
  for (let at = 0; at + 6 <= chunk.length; ) {
    const short = chunk.readUInt8(at + 1) & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const maskAt = at + 2 + lengthBytes;
    if (maskAt + 4 > chunk.length || (chunk.readUInt8(at + 1) & 0x80) === 0) break;
    const length =
      lengthBytes === 0 ? short : chunk.readUIntBE(maskAt - Math.min(6, lengthBytes), Math.min(6, lengthBytes));
    const payload = chunk.subarray(maskAt + 4, maskAt + 4 + length);
    text += Buffer.from(payload.map((byte, nth) => byte ^ chunk.readUInt8(maskAt + (nth % 4)))).toString("utf8");
    at = maskAt + 4 + length;
  }
  return text;
}
