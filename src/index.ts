// The library: the same three roles as the programs, for a program to hold inside. Importing it does nothing.

export { type Blame, DragonflyError, type ErrorCode, errorCatalogue } from "./core/error.ts";
export { Daemon, type DaemonOptions } from "./library/daemon.ts";
export { type DownloadStream, download } from "./library/download.ts";
export type { DownloadOptions, DownloadProgress } from "./library/download-options.ts";
export { Supernode, type SupernodeOptions } from "./library/supernode.ts";
export type { DownloadResult } from "./local/download-result.ts";
export type { Log, LogFields } from "./runtime/log.ts";
