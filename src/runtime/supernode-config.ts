// What a supernode can be told.

import type { Address } from "./address.ts";
import type { Schema } from "./config.ts";
import { undialable } from "./exposure.ts";
import { type FetchRule, fetchRuleSetting } from "./fetch-rule.ts";
import { advertised, directory, duration, listener, rate, size, toggle } from "./kinds.ts";
import { type LogFormat, type LogLevel, logSettings } from "./log-settings.ts";
import { type RegistryConfig, type RegistryOptions, registryList } from "./registry-config.ts";
import { type OptionsOf, optional, setting } from "./setting.ts";

export interface SupernodeConfig {
  readonly listen: Address;
  /** How daemons reach it, when not at `listen`; port 0 is the one it listens on. */
  readonly advertise?: Address;
  readonly dataDir: string;
  /** 0 is unlimited, here and below. */
  readonly originLimitBytesPerSecond: number;
  readonly uploadLimitBytesPerSecond: number;
  readonly quotaBytes: number;
  /** How long an answer of the origin about a version counts as current. */
  readonly freshnessMs: number;
  /** What may be read from origins: the first that matches decides. */
  readonly fetchRules: readonly FetchRule[];
  /** How certain registries are reached for preheats, and with which credentials. */
  readonly registries: readonly RegistryConfig[];
  /** Plain HTTP beyond this machine, where it would speak TLS. */
  readonly insecure: boolean;
  /** Of the certificates that hosts get; each is renewed at half of it. */
  readonly certificateLifeMs: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

const settings = {
  listen: setting(
    { name: "listen", kind: listener, help: "where to serve; port 0 picks a free one" },
    "127.0.0.1:8002",
  ),
  advertise: optional({ name: "advertise", kind: advertised, help: "how daemons reach it, if not at --listen" }),
  dataDir: setting(
    { name: "data-dir", kind: directory, help: "where content and manifests are kept" },
    ({ root, home }) => (root ? "/var/lib/dragonfly/supernode" : `${home}/.dragonfly/supernode`),
    "~/.dragonfly/supernode, for root /var/lib/dragonfly/supernode",
  ),
  originLimit: setting({ name: "origin-limit", kind: rate, help: "rate of reading from origins; 0 is unlimited" }, "0"),
  uploadLimit: setting({ name: "upload-limit", kind: rate, help: "rate of sending to hosts; 0 is unlimited" }, "0"),
  quota: setting({ name: "quota", kind: size, help: "disk space for content; 0 is as much as there is" }, "0"),
  freshness: setting(
    { name: "freshness", kind: duration, help: "how long an origin's answer counts as current" },
    "3s",
  ),
  fetchRule: fetchRuleSetting,
  registries: optional({
    name: "registries",
    kind: registryList,
    only: "file",
    help: "the same as a daemon's, for preheats of images, see images.md",
  }),
  insecure: setting(
    { name: "insecure", kind: toggle, help: "serve other machines in plain HTTP, on a trusted network" },
    "false",
  ),
  certificateLife: setting(
    {
      name: "certificate-life",
      kind: duration,
      help: "of the certificates that hosts get; they renew them at half of it",
    },
    "24h",
  ),
  ...logSettings,
};

export type SupernodeOptions = Omit<OptionsOf<typeof settings>, "fetchRule" | "registries"> & {
  readonly registries?: readonly RegistryOptions[] | undefined;
  /** `allow TARGET` or `deny TARGET`. */
  readonly fetchRules?: readonly string[] | string | undefined;
};

export const supernodeSchema: Schema<typeof settings, SupernodeConfig> = {
  role: "supernode",
  settings,
  check: ({ values, sourceOf }) => undialable(values.advertise, sourceOf("advertise")),
  config: (values) => ({
    listen: values.listen,
    ...(values.advertise === undefined ? {} : { advertise: values.advertise }),
    dataDir: values.dataDir,
    originLimitBytesPerSecond: values.originLimit,
    uploadLimitBytesPerSecond: values.uploadLimit,
    quotaBytes: values.quota,
    freshnessMs: values.freshness,
    fetchRules: values.fetchRule,
    registries: values.registries ?? [],
    insecure: values.insecure,
    certificateLifeMs: values.certificateLife,
    logLevel: values.logLevel,
    logFormat: values.logFormat,
  }),
};
