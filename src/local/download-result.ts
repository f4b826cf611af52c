// What a download came to, as one object for programs: `dfget --json` prints it, the library resolves to it.

import type { DragonflyError } from "../core/error.ts";
import type { BytesBySource } from "../wire/local-api.ts";
import type { Downloaded } from "./download.ts";

export interface DownloadResult {
  readonly status: "done" | "failed";
  /** Never with credentials; null when it was not understood. */
  readonly url: string | null;
  readonly output: string | null;
  readonly bytes: number;
  readonly elapsedMs: number;
  readonly taskId: string | null;
  /** `sha256:` and 64 hexadecimal digits, where it is known. */
  readonly digest: string | null;
  /** This host had it all. */
  readonly reused: boolean;
  readonly from: BytesBySource;
  readonly error?: { readonly code: string; readonly blame: string; readonly message: string };
}

export interface Run {
  readonly url: string | null;
  readonly output: string | null;
  readonly elapsedMs: number;
}

export function downloadResult(run: Run, downloaded: Downloaded, error?: DragonflyError): DownloadResult {
  const { bytes, taskId, digest, reused, from } = downloaded;
  const failed = error === undefined ? {} : { error: { code: error.code, blame: error.blame, message: error.message } };
  const status = error === undefined ? "done" : "failed";
  const { url, output, elapsedMs } = run;
  return { status, url, output, bytes, elapsedMs: Math.round(elapsedMs), taskId, digest, reused, from, ...failed };
}
