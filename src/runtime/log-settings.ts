// The settings that every program has: where its configuration is, and how it logs.

import { choice, file } from "./kinds.ts";
import { optional, setting } from "./setting.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFormat = "text" | "json";

const group = "Configuration and logs:";

export const logSettings = {
  config: optional({
    name: "config",
    kind: file,
    only: "flag or environment",
    group,
    help: "read settings from this YAML file",
  }),
  logLevel: setting(
    {
      name: "log-level",
      kind: choice<LogLevel>("debug", "info", "warn", "error"),
      group,
      help: "what to log on standard error",
    },
    "info",
  ),
  logFormat: setting(
    { name: "log-format", kind: choice<LogFormat>("text", "json"), group, help: "lines for people or for machines" },
    "text",
  ),
};
