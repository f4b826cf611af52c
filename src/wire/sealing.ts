// Seals the fields of control messages that hold credentials, to the other end of this very channel, so that whoever prints a message prints
// none. As in HPKE (RFC 9180) one agreement serves many messages: X25519 between keys that are made for the channel, HKDF-SHA-256 (RFC 5869),
// and AES-256-GCM with nonces that count.

import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { DragonflyError } from "../core/error.ts";

interface Typed {
  readonly type: string;
}

/** By type of message. A URL may hold a user, a password, or a signature. */
const secretFields: ReadonlyMap<string, readonly string[]> = new Map([
  ["register", ["url", "headers", "rights"]],
  ["serve", ["url", "headers", "rights"]],
  ["get-token", ["credentials", "instead"]],
  ["token", ["token"]],
]);

const cipher = "aes-256-gcm";
const tagBytes = 16;
const tagLength = { authTagLength: tagBytes };
const cipherKeyBytes = 32;
const nonceBytes = 12;
/** A direction's key and first nonce. */
const lineBytes = cipherKeyBytes + nonceBytes;

/**
 * The raw key is its end (RFC 8410). Not as JWK, though that is quicker: Node 20 exports one under the lock of the key, and where a collection
 * begins within, it frees what generated the key, which waits for the same lock for ever.
 */
const spki = { type: "spki", format: "der" } as const;
const rawKeyBytes = 32;

/** One end of a channel. Its keys live as long as it does, and are nowhere else. */
export class Sealing {
  /** For the other end: the raw key in base64. */
  readonly publicKey: string;
  readonly #privateKey: KeyObject;
  #lines: { readonly out: Line; readonly in: Line } | undefined;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    this.#privateKey = privateKey;
    this.publicKey = publicKey.export(spki).subarray(-rawKeyBytes).toString("base64");
  }

  /** Whose messages are opened and for whom they are sealed, by its `publicKey`. Errors: `protocol-violation`. */
  sealFor(publicKey: string): void {
    const [own, other] = [Buffer.from(this.publicKey, "base64"), Buffer.from(publicKey, "base64")];
    let shared: Buffer;
    try {
      const x = other.toString("base64url");
      const peer = createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
      shared = diffieHellman({ privateKey: this.#privateKey, publicKey: peer });
    } catch {
      throw new DragonflyError("protocol-violation", "the other end's key is none");
    }
    const isFirst = Buffer.compare(own, other) < 0;
    const ends = Buffer.concat(isFirst ? [own, other] : [other, own]);
    const made = Buffer.from(hkdfSync("sha256", shared, ends, "dragonfly seal 2", 2 * lineBytes));
    const [one, two] = [new Line(made.subarray(0, lineBytes)), new Line(made.subarray(lineBytes))];
    this.#lines = isFirst ? { out: one, in: two } : { out: two, in: one };
  }

  /** The message with its secrets, if it has any, in one field. Must be sent, and in the order of sealing. */
  seal<T extends Typed>(message: T): object {
    const fields = secretFields.get(message.type);
    if (fields === undefined) return message;
    if (this.#lines === undefined) throw new DragonflyError("internal", "nobody has said whom to seal for");
    const entries = Object.entries(message);
    const secrets = Object.fromEntries(entries.filter(([name]) => fields.includes(name)));
    const others = Object.fromEntries(entries.filter(([name]) => !fields.includes(name)));
    return { sealed: this.#lines.out.encrypt(JSON.stringify(secrets), message.type), ...others };
  }

  /** The inverse. Errors: `protocol-violation` for what came open, was altered, came before or out of turn, or is for somebody else. */
  open(message: unknown): unknown {
    if (typeof message !== "object" || message === null || !("type" in message)) return message;
    const fields = secretFields.get(String(message.type));
    if (fields === undefined) return message;
    const { sealed, ...opened } = message as Record<string, unknown>;
    if (typeof sealed !== "string") throw violation("has its credentials open");
    const text = this.#lines?.in.decrypt(sealed, String(message.type));
    if (text === undefined) throw violation("has a broken seal");
    for (const field of fields) if (field in opened) delete opened[field];
    return Object.assign(opened, JSON.parse(text));
  }
}

/** One direction of a channel: its key, and how many messages it has carried. */
class Line {
  readonly #key: Buffer;
  readonly #nonce: Buffer;
  #messages = 0;

  constructor(secret: Buffer) {
    this.#key = secret.subarray(0, cipherKeyBytes);
    this.#nonce = secret.subarray(cipherKeyBytes);
  }

  encrypt(text: string, context: string): string {
    const encrypting = createCipheriv(cipher, this.#key, this.#nextNonce()).setAAD(Buffer.from(context));
    const body = encrypting.update(text, "utf8");
    // In this mode the last block is empty (NIST SP 800-38D): only the tag is made with it.
    encrypting.final();
    return Buffer.concat([body, encrypting.getAuthTag()]).toString("base64");
  }

  /** Undefined for what is not the next that the other end has sealed for this context. */
  decrypt(sealed: string, context: string): string | undefined {
    const bytes = Buffer.from(sealed, "base64");
    if (bytes.length < tagBytes) return undefined;
    const decrypting = createDecipheriv(cipher, this.#key, this.#nextNonce(), tagLength)
      .setAAD(Buffer.from(context))
      .setAuthTag(bytes.subarray(-tagBytes));
    try {
      const body = decrypting.update(bytes.subarray(0, -tagBytes));
      decrypting.final();
      return body.toString("utf8");
    } catch {
      return undefined;
    }
  }

  /** No two messages share one (RFC 9180, section 5.2). */
  #nextNonce(): Buffer {
    const nonce = Buffer.from(this.#nonce);
    const [high, low] = [Math.floor(this.#messages / 2 ** 32), this.#messages % 2 ** 32];
    nonce.writeUInt32BE((nonce.readUInt32BE(4) ^ high) >>> 0, 4);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ low) >>> 0, 8);
    this.#messages++;
    return nonce;
  }
}

function violation(what: string): DragonflyError {
  return new DragonflyError("protocol-violation", `a control message ${what}`);
}
