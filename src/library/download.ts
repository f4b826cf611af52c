// A download for a program: to a file, or as a stream. It goes through the daemon of this machine, as dfget does.

import type { Readable } from "node:stream";
import { DragonflyError } from "../core/error.ts";
import { readCertificates } from "../local/certificates.ts";
import { Download, requestFrom } from "../local/download.ts";
import { type DownloadResult, downloadResult } from "../local/download-result.ts";
import { LocalClient } from "../local/local-client.ts";
import type { Output } from "../local/output.ts";
import { OutputFile } from "../local/output-file.ts";
import { OutputReadable } from "../local/output-readable.ts";
import { OutputStream } from "../local/output-stream.ts";
import { type OutputTarget, resolveTarget } from "../local/output-target.ts";
import { programFile } from "../local/program-file.ts";
import { reachDaemon } from "../local/reach-daemon.ts";
import { surroundings } from "../runtime/config.ts";
import type { GetConfig } from "../runtime/get-config.ts";
import { formatDuration } from "../runtime/units.ts";
import { publicUrl } from "../wire/public-url.ts";
import { type DownloadOptions, parseDownload } from "./download-options.ts";

export interface DownloadStream {
  /** Verified bytes in order. It ends when the content is complete, and fails with the error of the download. */
  readonly stream: Readable;
  /** Bytes that the stream will give; null where the origin does not tell. */
  readonly length: number | null;
  readonly result: Promise<DownloadResult>;
}

/**
 * Fetches `url`. Resolves when the file is complete and verified, to what `dfget --json` prints; with `as: "stream"` as soon as content is
 * on its way. Rejects with a `DragonflyError`, and leaves no partial output.
 */
export function download(url: string, options: DownloadOptions & { readonly as: "stream" }): Promise<DownloadStream>;
export function download(
  url: string,
  options?: DownloadOptions & { readonly as?: "file" | undefined },
): Promise<DownloadResult>;
export async function download(url: string, options: DownloadOptions = {}): Promise<DownloadResult | DownloadStream> {
  const config = parseDownload(url, options);
  if (options.as === "stream") return toStream(config, options);
  const target = await resolveTarget(config.output, config.displayUrl, config.overwrite);
  return retrieve(config, options, { shown: target.shown, output: await openTarget(target, config) });
}

function openTarget(target: OutputTarget, { digests }: GetConfig): Output | Promise<Output> {
  if (target.kind === "file") return OutputFile.create(target, digests);
  return new OutputStream(target.path === "-" ? process.stdout : undefined, target.path, digests);
}

async function toStream(config: GetConfig, options: DownloadOptions): Promise<DownloadStream> {
  const output = new OutputReadable(config.digests);
  const { stream } = output;
  const closed = new AbortController();
  const onClose = (): void => closed.abort(new DragonflyError("interrupted", "the stream was closed before its end"));
  stream.once("close", onClose);
  return new Promise((resolve, reject) => {
    let given = false;
    const result: Promise<DownloadResult> = retrieve(config, options, {
      shown: null,
      output,
      closed: closed.signal,
      onAccepted: (length) => {
        given = true;
        resolve({ stream, length, result });
      },
    });
    result.catch((error: DragonflyError) => {
      stream.off("close", onClose);
      // Whoever was given the stream hears it there, whoever was not, here.
      if (given) stream.destroy(error);
      else {
        stream.destroy();
        reject(error);
      }
    });
  });
}

interface Destination {
  readonly shown: string | null;
  readonly output: Output;
  /** Aborts when nobody takes the bytes any more. */
  readonly closed?: AbortSignal;
  readonly onAccepted?: (length: number | null) => void;
}

async function retrieve(config: GetConfig, options: DownloadOptions, to: Destination): Promise<DownloadResult> {
  const startedMs = performance.now();
  const { output } = to;
  const stop = stopFor(config, [options.signal, to.closed]);
  const client = new LocalClient(config.socket);
  const note = options.onNote ?? (() => {});
  try {
    const ca = config.cacert === undefined ? undefined : await readCertificates(config.cacert, "cacert");
    const { env, place } = surroundings();
    if (options.daemon === undefined)
      await reachDaemon(client, { config, place, env, program: programFile(), signal: stop.signal }, note);
    const running = new Download(client, output, {
      note,
      step: () => {},
      explained: () => {},
      accepted: ({ length }) => to.onAccepted?.(length),
      progress: ({ bytes, length, from, peers, rateBytesPerSecond }) =>
        options.onProgress?.({ bytes, length, from, peers, rateBytesPerSecond }),
    });
    await running.run(requestFrom(config, output.ordered ? "stream" : "any", ca), stop.signal);
    const run = { url: publicUrl(config.displayUrl), output: to.shown, elapsedMs: performance.now() - startedMs };
    return downloadResult(run, running.result);
  } catch (error) {
    throw DragonflyError.from(error);
  } finally {
    stop.release();
    await output.discard();
    client.close();
  }
}

/** What ends a download early, each as a `DragonflyError`. */
function stopFor(
  { timeoutMs }: GetConfig,
  signals: readonly (AbortSignal | undefined)[],
): { readonly signal: AbortSignal; readonly release: () => void } {
  const stop = new AbortController();
  const late = (): void =>
    stop.abort(new DragonflyError("timed-out", `not complete after ${formatDuration(timeoutMs)}`));
  const timer = timeoutMs > 0 ? setTimeout(late, Math.min(timeoutMs, 2 ** 31 - 1)) : undefined;
  const hearers = signals
    .filter((signal) => signal !== undefined)
    .map((signal) => {
      const onAbort = (): void => {
        const { reason } = signal;
        const ours = reason instanceof DragonflyError;
        stop.abort(ours ? reason : new DragonflyError("interrupted", "the download was aborted", { cause: reason }));
      };
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      return () => signal.removeEventListener("abort", onAbort);
    });
  return {
    signal: stop.signal,
    release: () => {
      clearTimeout(timer);
      for (const unhear of hearers) unhear();
    },
  };
}
