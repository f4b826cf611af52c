// Seals the fields of control messages that hold credentials, to the other end of this very channel, so that whoever prints a message prints
// none. X25519 with a key made for each message, HKDF-SHA-256 (RFC 5869) and AES-256-GCM, as in HPKE (RFC 9180).

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
const keyBytes = 32;
const tagBytes = 16;
/** Of SPKI, before the key itself (RFC 8410). */
const spkiHead = Buffer.from("302a300506032b656e032100", "hex");

/** One end of a channel. Its keys live as long as it does, and are nowhere else. */
export class Sealing {
  /** For the other end: the raw key in base64. */
  readonly publicKey: string;
  readonly #privateKey: KeyObject;
  readonly #ownBytes: Buffer;
  #peer: { readonly key: KeyObject; readonly bytes: Buffer } | undefined;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    this.#privateKey = privateKey;
    this.#ownBytes = rawOf(publicKey);
    this.publicKey = this.#ownBytes.toString("base64");
  }

  /** Whom to seal for, by its `publicKey`. Errors: `protocol-violation`. */
  sealFor(publicKey: string): void {
    const bytes = Buffer.from(publicKey, "base64");
    if (bytes.length !== keyBytes) throw new DragonflyError("protocol-violation", "the other end's key is none");
    this.#peer = { key: keyFrom(bytes), bytes };
  }

  /** The message with its secrets, if it has any, in one field. */
  seal<T extends Typed>(message: T): object {
    const fields = secretFields.get(message.type);
    if (fields === undefined) return message;
    const entries = Object.entries(message);
    const secrets = Object.fromEntries(entries.filter(([name]) => fields.includes(name)));
    const others = Object.fromEntries(entries.filter(([name]) => !fields.includes(name)));
    return { ...others, sealed: this.#encrypt(JSON.stringify(secrets), message.type) };
  }

  /** The inverse. Errors: `protocol-violation` for what came open, was altered, or is for somebody else. */
  open(message: unknown): unknown {
    if (typeof message !== "object" || message === null || !("type" in message)) return message;
    const fields = secretFields.get(String(message.type));
    if (fields === undefined) return message;
    const { sealed, ...others } = message as Readonly<Record<string, unknown>>;
    if (typeof sealed !== "string") throw violation("has its credentials open");
    const secrets: unknown = JSON.parse(this.#decrypt(sealed, String(message.type)));
    return {
      ...Object.fromEntries(Object.entries(others).filter(([name]) => !fields.includes(name))),
      ...(secrets as object),
    };
  }

  #encrypt(text: string, context: string): string {
    const peer = this.#peer;
    if (peer === undefined) throw new DragonflyError("internal", "nobody has said whom to seal for");
    const once = generateKeyPairSync("x25519");
    const onceBytes = rawOf(once.publicKey);
    const shared = diffieHellman({ privateKey: once.privateKey, publicKey: peer.key });
    const { key, nonce } = derive(shared, Buffer.concat([onceBytes, peer.bytes]), context);
    const encrypting = createCipheriv(cipher, key, nonce);
    const body = [encrypting.update(text, "utf8"), encrypting.final()];
    return Buffer.concat([onceBytes, ...body, encrypting.getAuthTag()]).toString("base64");
  }

  #decrypt(sealed: string, context: string): string {
    const bytes = Buffer.from(sealed, "base64");
    if (bytes.length < keyBytes + tagBytes) throw violation("has a seal that is too short");
    const onceBytes = bytes.subarray(0, keyBytes);
    try {
      const shared = diffieHellman({ privateKey: this.#privateKey, publicKey: keyFrom(onceBytes) });
      const { key, nonce } = derive(shared, Buffer.concat([onceBytes, this.#ownBytes]), context);
      const decrypting = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes });
      decrypting.setAuthTag(bytes.subarray(bytes.length - tagBytes));
      const body = decrypting.update(bytes.subarray(keyBytes, bytes.length - tagBytes));
      return Buffer.concat([body, decrypting.final()]).toString("utf8");
    } catch {
      throw violation("has a broken seal");
    }
  }
}

/** The nonce may be derived too: no two messages share a key. */
function derive(shared: Buffer, salt: Buffer, context: string): { readonly key: Buffer; readonly nonce: Buffer } {
  const made = Buffer.from(hkdfSync("sha256", shared, salt, `dragonfly seal 1 ${context}`, 44));
  return { key: made.subarray(0, 32), nonce: made.subarray(32) };
}

function rawOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: "spki", format: "der" }).subarray(spkiHead.length);
}

function keyFrom(bytes: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiHead, bytes]), type: "spki", format: "der" });
}

function violation(what: string): DragonflyError {
  return new DragonflyError("protocol-violation", `a control message ${what}`);
}
