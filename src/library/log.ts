// What a role inside another program says: nothing, unless that program asks for it.

import type { LogFormat, LogLevel } from "../runtime/config.ts";
import { type Log, openLog, silentLog } from "../runtime/log.ts";

export interface LogOptions {
  /** Where log lines go. Without it they go to standard error if `logLevel` is given, and else nowhere. */
  readonly log?: Log | undefined;
}

export async function chooseLog(
  log: Log | undefined,
  asked: { readonly logLevel: unknown },
  config: { readonly logLevel: LogLevel; readonly logFormat: LogFormat },
): Promise<Log> {
  if (log !== undefined) return log;
  return asked.logLevel === undefined ? silentLog : openLog({ level: config.logLevel, format: config.logFormat });
}
