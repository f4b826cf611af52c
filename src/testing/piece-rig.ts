// A piece server on a free port with content in memory, and a channel handler that remembers what it was told. For tests of the peer link.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { Giving } from "../core/giving.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import { hostUploadLimits } from "../core/upload-queue.ts";
import { countPieces } from "../core/version.ts";
import type { ChannelHandler } from "../net/piece-channel.ts";
import { type LinkOptions, PieceLink } from "../net/piece-link.ts";
import { PieceServer, type PieceServerOptions, type Servable } from "../net/piece-server.ts";
import { RateGate } from "../net/rate-gate.ts";
import { SlabPool } from "../net/slab-pool.ts";

export const hostId = "0123456789abcdef0123456789abcdef" as HostId;

/** The nth version of a test. */
export function versionId(n: number): VersionId {
  return n.toString(16).padStart(64, "0") as VersionId;
}

/** Content of which every byte tells its place; `held` is what was gained. */
export class RiggedContent implements Servable {
  readonly version: { readonly length: number | null; readonly pieceLength: number };
  readonly content: Buffer;
  readonly held = new Bitset();
  readonly giving?: Giving;
  readonly #listeners = new Set<(piece: number) => void>();

  constructor(lengthBytes: number, pieceLength: number, options: { giving?: Giving; lengthUnknown?: boolean } = {}) {
    this.version = { length: options.lengthUnknown ? null : lengthBytes, pieceLength };
    this.content = Buffer.allocUnsafe(lengthBytes);
    for (let at = 0; at < lengthBytes; at += 4) {
      const word = Math.imul(at + lengthBytes, 0x9e3779b1);
      for (let i = at; i < Math.min(at + 4, lengthBytes); i++) this.content[i] = word >>> ((i - at) * 8);
    }
    if (options.giving !== undefined) this.giving = options.giving;
  }

  get complete(): boolean {
    return this.held.count === countPieces(this.content.length, this.version.pieceLength);
  }

  piece(index: number): Buffer {
    const { pieceLength } = this.version;
    return this.content.subarray(index * pieceLength, (index + 1) * pieceLength);
  }

  gain(from: number, to: number): this {
    for (let piece = from; piece < to; piece++) {
      this.held.add(piece);
      for (const listener of this.#listeners) listener(piece);
    }
    return this;
  }

  async read(index: number, into: Uint8Array): Promise<number> {
    return this.piece(index).copy(into);
  }

  onGained(listener: (piece: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

export interface PieceRig extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly server: PieceServer;
  /** Of the server. */
  readonly slabs: SlabPool;
  readonly contents: Map<VersionId, Servable>;
}

export async function pieceRig(options: Partial<PieceServerOptions> = {}): Promise<PieceRig> {
  const contents = new Map<VersionId, Servable>();
  const slabs = options.slabs ?? new SlabPool();
  const server = new PieceServer({
    find: (version) => contents.get(version) ?? new DragonflyError("not-found", "no such version here"),
    uploadLimits: hostUploadLimits,
    gate: new RateGate(0),
    now: () => performance.now(),
    ...options,
    slabs,
  });
  const http = createServer();
  http.on("upgrade", (request, socket, head) => server.attach(request, socket, head));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  const close = async (): Promise<void> => {
    await server.close();
    await new Promise((resolve) => http.close(resolve));
  };
  return { address: `127.0.0.1:${port}`, port, server, slabs, contents, [Symbol.asyncDispose]: close };
}

/** A link with slabs of its own, unless told otherwise. */
export function dial(address: string, options: Partial<LinkOptions> = {}): Promise<PieceLink> {
  const signal = new AbortController().signal;
  return PieceLink.dial(address, { hostId, slabs: new SlabPool(), signal, connectTimeoutMs: 5000, ...options });
}

/** A link with one channel on it, for the first version, and what the channel hears. */
export async function openChannel(address: string, slabs = new SlabPool()) {
  const link = await dial(address, { slabs });
  const heard = new HeardChannel();
  return { link, slabs, heard, channel: link.open(versionId(1), heard) };
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

export type Heard =
  | { readonly type: "bitmap"; readonly held: readonly number[]; readonly complete: boolean }
  | { readonly type: "have"; readonly pieces: readonly number[] }
  | { readonly type: "granted"; readonly piece: number }
  | { readonly type: "progress"; readonly piece: number; readonly bytesSoFar: number }
  | { readonly type: "piece"; readonly piece: number; readonly bytes: Buffer }
  | { readonly type: "busy"; readonly piece: number | undefined; readonly retryAfterMs: number }
  | { readonly type: "notHeld"; readonly piece: number | undefined }
  | { readonly type: "refused"; readonly error: DragonflyError }
  | { readonly type: "closed"; readonly error: DragonflyError | undefined };

type Of<Type extends Heard["type"]> = Extract<Heard, { readonly type: Type }>;

/** Copies pieces and gives their slabs back at once. */
export class HeardChannel implements ChannelHandler {
  readonly all: Heard[] = [];
  readonly #unread: Heard[] = [];
  #wake: (() => void) | undefined;

  /** The next of this type that was not given out yet; waits for it. */
  async next<Type extends Heard["type"]>(type: Type): Promise<Of<Type>> {
    for (;;) {
      const at = this.#unread.findIndex((heard) => heard.type === type);
      if (at >= 0) return this.#unread.splice(at, 1)[0] as Of<Type>;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  count(type: Heard["type"]): number {
    return this.all.filter((heard) => heard.type === type).length;
  }

  bitmap: ChannelHandler["bitmap"] = (held, complete) => this.#hear({ type: "bitmap", held: [...held], complete });
  have: ChannelHandler["have"] = (pieces) => this.#hear({ type: "have", pieces });
  granted: ChannelHandler["granted"] = (piece) => this.#hear({ type: "granted", piece });
  progress: ChannelHandler["progress"] = (piece, bytesSoFar) => this.#hear({ type: "progress", piece, bytesSoFar });
  piece: ChannelHandler["piece"] = (piece, slab) => {
    this.#hear({ type: "piece", piece, bytes: Buffer.from(slab.bytes) });
    slab.release();
  };
  busy: ChannelHandler["busy"] = (piece, retryAfterMs) => this.#hear({ type: "busy", piece, retryAfterMs });
  notHeld: ChannelHandler["notHeld"] = (piece) => this.#hear({ type: "notHeld", piece });
  refused: ChannelHandler["refused"] = (error) => this.#hear({ type: "refused", error });
  closed: ChannelHandler["closed"] = (error) => this.#hear({ type: "closed", error });

  #hear(heard: Heard): void {
    this.all.push(heard);
    this.#unread.push(heard);
    this.#wake?.();
  }
}
