// What the mirror asks of the swarm: content by its digest, on behalf of one requester.

import type { Readable } from "node:stream";
import type { TaskRequest } from "../wire/task-key.ts";
import type { ContentPath, Digest } from "./registry-path.ts";

export interface ContentRequest {
  /** At the registry. */
  readonly url: string;
  /** The requester's, for the registry: credentials among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly digest: Digest;
  readonly kind: ContentPath["kind"];
  /** As a task's: whose rights these are, and whom to trust at the registry. */
  readonly rights?: string | undefined;
  readonly ca?: string | undefined;
  readonly insecureOrigin?: boolean | undefined;
}

/** Whoever is done with a chunk may give it back to be filled again. */
export interface ContentStream extends Readable {
  giveBack(chunk: Buffer): void;
}

export interface Content {
  /** In bytes; null while nobody knows. */
  readonly length: number | null;
  /**
   * The bytes from `first` to `last`, in order, as they arrive; null is the end. The end of the content is given only when the whole has its
   * digest, else the stream fails with `digest-mismatch`. Destroying it ends the interest in what is missing.
   */
  read(first: number, last: number | null): ContentStream;
  /** Nobody is going to read it. */
  leave(): void;
}

export interface ContentSource {
  /** Errors: what the registry refuses with, `origin-unreachable`, `digest-mismatch` and those of the disk and the swarm. */
  open(request: ContentRequest, signal: AbortSignal): Promise<Content>;
  /** What is held whole, for when the registry cannot be asked: only what this requester may have without asking. */
  held(request: ContentRequest): Promise<Content | undefined>;
}

/** One task for all who want it, whatever repository they know it in. */
export function digestTask({ url, headers, digest, ...more }: Omit<ContentRequest, "kind">): TaskRequest {
  const { rights, ca, insecureOrigin } = more;
  return { url, headers, contentDigest: digest, rights, ca, insecureOrigin };
}
