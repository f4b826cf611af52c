// Content by its digest, for the registry mirror: opens it in the swarm and sees to it that what has another digest is neither given to its end
// nor kept.

import { createHash } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import type { Content, ContentRequest, ContentSource } from "../image/content.ts";
import type { Digest } from "../image/registry-path.ts";
import type { Log } from "../runtime/log.ts";
import type { Holding, Store } from "../store/store.ts";
import { taskKey } from "../wire/task-key.ts";
import { leaveUnused, openForClient } from "./client-ticket.ts";
import { ContentReader } from "./content-reader.ts";
import type { Transfer } from "./transfer.ts";
import type { Ticket, Transfers } from "./transfers.ts";

export interface DigestContentsOptions {
  readonly transfers: Pick<Transfers, "open">;
  readonly store: Store;
  readonly log: Log;
}

const maxRemembered = 1024;

export class DigestContents implements ContentSource {
  readonly #options: DigestContentsOptions;
  readonly #verdicts = new WeakMap<Transfer, Promise<void>>();
  /** How often a digest's content was wrong: each time the next try is a task of its own, so that the registry is read again. */
  readonly #mismatches = new Map<Digest, number>();

  constructor(options: DigestContentsOptions) {
    this.#options = options;
  }

  async open(request: ContentRequest, signal: AbortSignal): Promise<Content> {
    const { url, headers, digest } = request;
    const task = { url, headers, tag: this.#tag(digest), backToSource: true };
    const ticket = await openForClient(this.#options.transfers, task, signal);
    return this.#content(ticket, digest);
  }

  /** Public content, and what was fetched with the very same credentials: whether others may have it only the registry knows. */
  async held({ url, headers, digest }: ContentRequest): Promise<Content | undefined> {
    const { id, audience, displayUrl } = taskKey({ url, headers, tag: this.#tag(digest) });
    const holding = this.#options.store.latest(id);
    if (holding?.state !== "complete" || !(await holding.intact())) return undefined;
    const owner = holding.version.audience;
    if (owner !== undefined && owner !== audience) return undefined;
    return this.#content({ holding, transfer: undefined, displayUrl, note: undefined }, digest);
  }

  async #content(ticket: Ticket, digest: Digest): Promise<Content> {
    const { holding, transfer } = ticket;
    // Asked for at once: what nobody reads to its end is not to be kept either.
    const verdict = transfer === undefined ? this.#verify(holding, digest) : this.#verdict(transfer, digest);
    if (transfer === undefined) await verdict;
    return {
      length: holding.version.length,
      read: (first, last) => new ContentReader(ticket, { first, last, beforeEnd: () => verdict }),
      leave: () => leaveUnused(ticket),
    };
  }

  /** One verdict a transfer, however many read it. */
  #verdict(transfer: Transfer, digest: Digest): Promise<void> {
    const known = this.#verdicts.get(transfer);
    if (known !== undefined) return known;
    const verdict = transfer.finished.then(() => this.#verify(transfer.holding, digest));
    verdict.catch(() => {});
    this.#verdicts.set(transfer, verdict);
    return verdict;
  }

  async #verify(holding: Holding, digest: Digest): Promise<void> {
    const actual = `sha256:${holding.digest ?? (await digestOf(holding))}`;
    if (actual === digest) return;
    const { id, url } = holding.version;
    this.#remember(digest);
    this.#options.log.warn("the registry sent other content than its digest names", { url, digest: actual });
    await this.#options.store.remove(id);
    throw new DragonflyError(
      "digest-mismatch",
      `${url} has the digest ${actual}: the registry's copy is broken, pull again`,
    );
  }

  #tag(digest: Digest): string | undefined {
    const mismatches = this.#mismatches.get(digest);
    return mismatches === undefined ? undefined : `again ${mismatches}`;
  }

  #remember(digest: Digest): void {
    const before = this.#mismatches.get(digest) ?? 0;
    this.#mismatches.delete(digest);
    this.#mismatches.set(digest, before + 1);
    for (const oldest of this.#mismatches.keys()) {
      if (this.#mismatches.size <= maxRemembered) return;
      this.#mismatches.delete(oldest);
    }
  }
}

/** Computed once where the one who read the origin could not, and kept with the content. */
async function digestOf(holding: Holding): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of new ContentReader({ holding, transfer: undefined })) hash.update(chunk);
  const digest = hash.digest("hex");
  await holding.finish(holding.version.length ?? holding.endBytes, digest);
  return digest;
}
