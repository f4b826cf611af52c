// Content by its URL, for the HTTP proxy: opened in the swarm, read in order while it still arrives.

import { DragonflyError } from "../core/error.ts";
import { mayShare } from "../origin/sharing.ts";
import type { UrlContent, UrlContentSource } from "../proxy/url-content.ts";
import { taskKey } from "../wire/task-key.ts";
import { leaveUnused, openForClient } from "./client-ticket.ts";
import { ContentReader } from "./content-reader.ts";
import type { Transfers } from "./transfers.ts";

export class UrlContents implements UrlContentSource {
  readonly #transfers: Pick<Transfers, "open">;

  constructor(transfers: Pick<Transfers, "open">) {
    this.#transfers = transfers;
  }

  async open(request: Parameters<UrlContentSource["open"]>[0], signal: AbortSignal): Promise<UrlContent> {
    const ticket = await openForClient(
      this.#transfers,
      { ...request, backToSource: true, onlyShareable: true },
      signal,
    );
    const { length, etag, lastModified, representation = {} } = ticket.holding.version;
    // It may be here for another reason: a dfget does not mind what caches may do.
    if (!mayShare(representation, taskKey(request).audience !== "")) {
      leaveUnused(ticket);
      throw new DragonflyError("not-shareable", "the origin does not want its content to be given to others");
    }
    return {
      ...{ length, etag, lastModified, representation },
      read: (first, last) => new ContentReader(ticket, { first, last }),
      leave: () => leaveUnused(ticket),
    };
  }
}
