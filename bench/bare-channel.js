// A WebSocket client (RFC 6455) for crowds, as cheap as one can be: frames are made before they are needed, and what comes is read into one
// buffer and looked at where it lies. It knows what a supernode sends: whole messages, and pings.

import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { Sender } from "ws";

const opcodes = { text: 1, close: 8, ping: 9, pong: 10 };
/** Of all channels: each looks at what came before the next is read. */
const incoming = Buffer.allocUnsafe(64 << 10);
const nothing = Buffer.alloc(0);

export class BareChannel {
  #socket;
  #hear;
  #upgraded;
  #isUpgraded = false;
  /** The beginning of what has not come yet. */
  #rest = nothing;

  /** Resolves when the supernode has taken the upgrade. @param {string} url of `http:` @param {(message: Buffer) => void} hear its argument is gone when it returns */
  static open(url, hear) {
    return new Promise((resolve, reject) => {
      const channel = new BareChannel(new URL(url), hear, { resolve: () => resolve(channel), reject });
    });
  }

  constructor({ hostname, port, host, pathname }, hear, upgraded) {
    this.#hear = hear;
    this.#upgraded = upgraded;
    const callback = (length) => this.#read(incoming.subarray(0, length));
    this.#socket = connect({ host: hostname, port: Number(port), onread: { buffer: incoming, callback } });
    this.#socket.setNoDelay(true);
    this.#socket.once("error", upgraded.reject);
    this.#socket.once("close", () => {
      const lost = new Error("the supernode closed a channel");
      if (!this.#isUpgraded) return upgraded.reject(lost);
      // Whoever waits for an answer on it would wait for ever.
      throw lost;
    });
    const key = randomBytes(16).toString("base64");
    const fields = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`;
    this.#socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n\r\n`);
  }

  /** @param {Buffer} frame */
  send(frame) {
    this.#socket.write(frame);
  }

  #read(bytes) {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (!this.#isUpgraded) data = this.#upgrade(data);
    for (let end = endOfFrame(data); this.#isUpgraded && end <= data.length; end = endOfFrame(data)) {
      this.#receive((data[0] ?? 0) & 15, data.subarray(headBytes(data), end));
      data = data.subarray(end);
    }
    this.#rest = data.length === 0 ? nothing : Buffer.from(data);
    return true;
  }

  #upgrade(data) {
    const end = data.indexOf("\r\n\r\n");
    if (end < 0) return data;
    this.#isUpgraded = data.latin1Slice(0, 12) === "HTTP/1.1 101";
    if (this.#isUpgraded) this.#upgraded.resolve();
    else this.#socket.destroy(new Error(data.latin1Slice(0, end)));
    return data.subarray(end + 4);
  }

  #receive(opcode, payload) {
    if (opcode === opcodes.text) this.#hear(payload);
    else if (opcode === opcodes.ping) this.send(frameOf(Buffer.from(payload), opcodes.pong));
    else if (opcode === opcodes.close) this.#socket.end();
  }
}

/** What `send` takes. @param {object} message */
export function frame(message) {
  return frameOf(Buffer.from(JSON.stringify(message)), opcodes.text);
}

function frameOf(data, opcode) {
  return Buffer.concat(Sender.frame(data, { opcode, fin: true, mask: true, readOnly: false }));
}

function headBytes(data) {
  const short = (data[1] ?? 0) & 127;
  return short < 126 ? 2 : short === 126 ? 4 : 10;
}

/** Where the first frame ends; beyond the data, if it is not all there. */
function endOfFrame(data) {
  const head = headBytes(data);
  if (data.length < head) return Number.POSITIVE_INFINITY;
  return head + (head === 2 ? (data[1] ?? 0) : head === 4 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2)));
}
