// What a process tells its operator: a constant message with fields, as JSON (pino) or as one readable line, on standard error.
// Credentials are taken out by name before anything is written.

import type { LogFormat, LogLevel } from "./log-settings.ts";
import { redact } from "./redact.ts";

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with these fields in every line. */
  child(fields: LogFields): Log;
}

/** Where lines go; each ends in a newline. */
export interface LogSink {
  write(line: string): unknown;
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

type Write = (level: LogLevel, message: string, fields: LogFields) => void;

export async function openLog(
  options: { readonly level: LogLevel; readonly format: LogFormat },
  sink: LogSink = process.stderr,
): Promise<Log> {
  const write = options.format === "json" ? await jsonWriter(options.level, sink) : textWriter(sink);
  return logOver(write, levels.indexOf(options.level), {});
}

/** Says nothing; for tests and embedding. */
export const silentLog: Log = logOver(() => {}, levels.length, {});

function logOver(write: Write, threshold: number, bound: LogFields): Log {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (levels.indexOf(level) >= threshold) write(level, message, redact({ ...bound, ...fields }));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => logOver(write, threshold, { ...bound, ...fields }),
  };
}

async function jsonWriter(level: LogLevel, sink: LogSink): Promise<Write> {
  const { pino } = await import("pino");
  const logger = pino(
    { level, formatters: { level: (label) => ({ level: label }) } },
    { write: (line) => void sink.write(line) },
  );
  return (at, message, fields) => logger[at](fields, message);
}

function textWriter(sink: LogSink): Write {
  return (level, message, fields) => {
    const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`);
    sink.write(`${new Date().toISOString()} ${level.padEnd(5)} ${message}${pairs.join("")}\n`);
  };
}

function shown(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? String(value);
}
