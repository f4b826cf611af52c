// What the proxy asks of the swarm: content by its URL, on behalf of one requester.

import type { Content } from "../image/content.ts";

export interface UrlContent extends Content {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** Headers that describe it, as the origin gave them. */
  readonly representation: Readonly<Record<string, string>>;
}

export interface UrlContentSource {
  /** Errors: `not-shareable`, what the origin refuses with, and those of the disk and the swarm. */
  open(
    request: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<UrlContent>;
}
