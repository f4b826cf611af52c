// Content by its digest, for the registry mirror: opens it in the swarm. That what has another digest is never complete is the store's part
// (finish-holding.ts); here its last bytes wait for that.

import { type Content, type ContentRequest, type ContentSource, digestTask } from "../image/content.ts";
import type { Store } from "../store/store.ts";
import { taskKey } from "../wire/task-key.ts";
import { leaveUnused, openForClient } from "./client-ticket.ts";
import { ContentReader } from "./content-reader.ts";
import type { Ticket, Transfers } from "./transfers.ts";

export interface DigestContentsOptions {
  readonly transfers: Pick<Transfers, "open">;
  readonly store: Store;
}

export class DigestContents implements ContentSource {
  readonly #options: DigestContentsOptions;

  constructor(options: DigestContentsOptions) {
    this.#options = options;
  }

  async open(request: ContentRequest, signal: AbortSignal): Promise<Content> {
    const task = { ...digestTask(request), backToSource: true };
    return contentOf(await openForClient(this.#options.transfers, task, signal));
  }

  /** What everybody gets at this place, and what was fetched with the very same credentials: whether others may have it only the registry knows. */
  async held(request: ContentRequest): Promise<Content | undefined> {
    const { id, audience, everybody, displayUrl } = taskKey(digestTask(request));
    const holding = this.#options.store.latest(id);
    if (holding?.state !== "complete" || !(await holding.intact())) return undefined;
    const owner = holding.version.audience;
    if (owner !== everybody && owner !== audience) return undefined;
    return contentOf({ holding, transfer: undefined, displayUrl, note: undefined });
  }
}

function contentOf(ticket: Ticket): Content {
  const { holding, transfer } = ticket;
  const verified = transfer?.finished ?? Promise.resolve();
  return {
    length: holding.version.length,
    read: (first, last) => new ContentReader(ticket, { first, last, beforeEnd: () => verified }),
    leave: () => leaveUnused(ticket),
  };
}
