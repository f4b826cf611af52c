// A registry that has one image layout and goes wrong on request, in any way that a TestOrigin can.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { manifestType } from "../image/manifest-type.ts";
import { type SeenRequest, type TestAnswer, TestOrigin } from "./test-origin.ts";

/** `nth` counts the reads of this content from 0; undefined is a good answer. */
export type Fault = (nth: number, content: Uint8Array) => TestAnswer | undefined;

export class FaultyRegistry {
  readonly origin: TestOrigin;
  readonly #contents: ReadonlyMap<string, Uint8Array>;
  readonly #tagged: string;
  readonly #faults = new Map<string, { readonly fault: Fault; reads: number }>();

  private constructor(origin: TestOrigin, contents: ReadonlyMap<string, Uint8Array>, tagged: string) {
    this.origin = origin;
    this.#contents = contents;
    this.#tagged = tagged;
  }

  /** Of any name and tag, the image is the layout's one with the digest `tagged`. */
  static async start(layout: string, tagged: string): Promise<FaultyRegistry> {
    const folder = join(layout, "blobs", "sha256");
    const contents = new Map<string, Uint8Array>();
    for (const hex of await readdir(folder)) contents.set(`sha256:${hex}`, await readFile(join(folder, hex)));
    const registry = new FaultyRegistry(await TestOrigin.start(), contents, tagged);
    registry.origin.script = (_, request) => registry.#answer(request);
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${this.origin.port}`;
  }

  /** From now on reads of this content go so. */
  spoil(digest: string, fault: Fault): void {
    this.#faults.set(digest, { fault, reads: 0 });
  }

  mend(): void {
    this.#faults.clear();
  }

  close(): Promise<void> {
    return this.origin.close();
  }

  #answer({ method, url }: SeenRequest): TestAnswer {
    if (url === "/v2/") return { content: Buffer.from("{}") };
    const [, kind, reference = ""] = /^\/v2\/[a-z/]+\/(blobs|manifests)\/([\w:.]+)$/.exec(url) ?? [];
    const digest = reference.startsWith("sha256:") ? reference : this.#tagged;
    const content = this.#contents.get(digest);
    if (kind === undefined || content === undefined) return { status: 404 };
    const type = kind === "manifests" ? manifestType(content) : undefined;
    const headers = { "docker-content-digest": digest, ...(type === undefined ? {} : { "content-type": type }) };
    const good = { content, headers, etag: `"${digest}"` };
    const spoiled = this.#faults.get(digest);
    if (spoiled === undefined || method !== "GET") return good;
    const answer = spoiled.fault(spoiled.reads++, content);
    return { ...good, ...answer, headers: { ...headers, ...answer?.headers } };
  }
}
