// What a program can ask of one download, and how that becomes the configuration that dfget has too.

import { DragonflyError } from "../core/error.ts";
import { parseOptions } from "../runtime/config.ts";
import { type GetConfig, getSchema } from "../runtime/get-config.ts";
import type { Progress } from "../wire/local-api.ts";
import type { Daemon } from "./daemon.ts";

/** How far a download is. */
export type DownloadProgress = Pick<Progress, "bytes" | "length" | "from" | "peers" | "rateBytesPerSecond">;

export interface DownloadOptions {
  /** File or directory to write to; by default a file named after the URL's last segment. */
  readonly output?: string | undefined;
  /** `stream` for the bytes in order instead of a file. */
  readonly as?: "file" | "stream" | undefined;
  /** Replace the output if it is there. */
  readonly overwrite?: boolean | undefined;
  /** Sent to the origin. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Only these bytes: `0-1023`, or `1024-` to the end. */
  readonly range?: string | undefined;
  /** Refuse any other content: `sha256:…`, `sha512:…` or `md5:…` in hexadecimal. */
  readonly digest?: string | undefined;
  /** Keeps this content apart from the same URL under another tag. */
  readonly tag?: string | undefined;
  /** Names of query parameters that do not matter, such as signatures. */
  readonly filter?: readonly string[] | undefined;
  /** Bytes per second, or text: `20MB/s`. */
  readonly limit?: number | string | undefined;
  /** Milliseconds, or text: `5m`. */
  readonly timeout?: number | string | undefined;
  /** What the origin was asked about so long ago at most is current. Milliseconds, or text; 0 asks it now. */
  readonly maxAge?: number | string | undefined;
  /** Never read from the origin, only from peers and supernodes. */
  readonly noBackToSource?: boolean | undefined;
  /** A file of PEM certificates to trust as the origin's. */
  readonly cacert?: string | undefined;
  readonly insecureOrigin?: boolean | undefined;
  /** Whom to ask. Without it: the daemon behind `socket`, and where none runs, one is started as dfget does. */
  readonly daemon?: Pick<Daemon, "socket"> | undefined;
  readonly socket?: string | undefined;
  /** For a daemon that is started. */
  readonly supernode?: string | readonly string[] | undefined;
  readonly dataDir?: string | undefined;
  /** Ends the download with `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Hears what dfget would print: that a daemon was started, that the supernode is away. */
  readonly onNote?: ((message: string) => void) | undefined;
}

/** Errors: `bad-usage`, `bad-config`, `unsupported-scheme`; all faults in one message. */
export function parseDownload(url: string, options: DownloadOptions): GetConfig {
  const { headers, filter, daemon, as: form, signal: _signal, onProgress: _progress, onNote: _note, ...rest } = options;
  if (form === "stream" && rest.output !== undefined)
    throw new DragonflyError("bad-usage", 'output and as: "stream" contradict each other');
  if (daemon !== undefined && rest.socket !== undefined)
    throw new DragonflyError("bad-usage", "daemon and socket contradict each other");
  return parseOptions(getSchema, {
    ...rest,
    url,
    header: headers && Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    filter: filter?.join("&"),
    socket: daemon?.socket ?? rest.socket,
  });
}
