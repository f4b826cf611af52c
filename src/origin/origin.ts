// The place where content really lives, behind one interface whatever its scheme.

import type { Readable } from "node:stream";
import type { Representation } from "./representation.ts";

/** How one request reaches the origin. Holds credentials: never logged, stored or shown. */
export interface OriginRequest {
  /** Without user and password: those are in `headers`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Only these bytes of the resource are the content: first and last position, inclusive; `last` null is to the end. */
  readonly range?: { readonly first: number; readonly last: number | null } | undefined;
  /** PEM certificates to trust besides the system's, for this request alone. */
  readonly ca?: string | undefined;
  /** Do not verify the origin's certificate, for this request alone. */
  readonly insecure?: boolean | undefined;
  /** What the opening asks for at most, in place of the reader's own measure: little, where only the version is in question. */
  readonly firstBytes?: number | undefined;
  /** Within whose trace it is asked (W3C Trace Context). */
  readonly traceparent?: string | undefined;
}

/** What tells one version of a resource from another. */
export interface Validators {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

/** What the origin says of its content now. `length` counts the bytes of the content (the range, where one was asked for). */
export interface OriginInfo extends Validators {
  readonly length: number | null;
  /** The origin serves parts, so pieces can be read in parallel and a broken read resumed. */
  readonly ranged: boolean;
  readonly representation?: Representation;
}

export type Opened =
  | { readonly kind: "unchanged" }
  | {
      readonly kind: "content";
      readonly info: OriginInfo;
      /** The bytes from the content's start: its first `bodyLength` bytes, or all of it when that is null. Must be read or destroyed. */
      readonly body: Readable;
      readonly bodyLength: number | null;
    };

export interface Origin {
  /**
   * One request that is both probe and first read: with `known` it is conditional and may end as `unchanged`. Errors: `origin-refused`
   * with the status, `origin-unreachable`, `origin-untrusted`, `timed-out`, `interrupted` when the signal fires.
   */
  open(request: OriginRequest, known: Validators | undefined, signal: AbortSignal): Promise<Opened>;
  /**
   * The content's bytes from `start` to before `end` (null: to its end), of the version that `info` describes; `origin-changed` when it is another one by now.
   */
  read(
    request: OriginRequest,
    info: OriginInfo,
    start: number,
    end: number | null,
    signal: AbortSignal,
  ): Promise<Readable>;
  close(): Promise<void>;
}
