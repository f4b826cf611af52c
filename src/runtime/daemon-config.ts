// What a daemon can be told.

import { type Address, formatAddress } from "./address.ts";
import type { Schema } from "./config.ts";
import { exposureProblem, undialable } from "./exposure.ts";
import { type FetchRule, fetchRuleSetting } from "./fetch-rule.ts";
import { type HostPattern, hostPatterns } from "./host-pattern.ts";
import {
  advertised,
  choice,
  directory,
  duration,
  listener,
  listenerOrOff,
  named,
  rate,
  registryUrl,
  size,
  socketPath,
  supernodes,
  toggle,
  word,
} from "./kinds.ts";
import { defaultDataDir, defaultSocket, shownDataDir, shownSocket } from "./locations.ts";
import { type LogFormat, type LogLevel, logSettings } from "./log-settings.ts";
import { type ProxyRule, type ProxyRuleOption, proxyRules } from "./proxy-rule.ts";
import { type RegistryConfig, type RegistryOptions, registryList } from "./registry-config.ts";
import { type OptionsOf, optional, setting } from "./setting.ts";

export interface DaemonConfig {
  /** `http://host:port` each; none means that content comes from the origin. */
  readonly supernodes: readonly string[];
  /** Of the piece port; when absent every interface for a host that joined with a token, else loopback. */
  readonly listen?: Address;
  /** How other hosts reach the piece port, when not at `listen`; port 0 is the one it listens on. */
  readonly advertise?: Address;
  readonly proxy: Address | null;
  /** The first that matches a URL decides. */
  readonly proxyRules: readonly ProxyRule[];
  /** What may be read from origins: the first that matches decides. */
  readonly fetchRules: readonly FetchRule[];
  /** Hosts whose HTTPS the proxy answers itself, with certificates of its own authority. */
  readonly intercept: readonly HostPattern[];
  /** Health and metrics for other machines; null where the socket is enough. */
  readonly metrics: Address | null;
  readonly socket: string;
  readonly dataDir: string;
  /** 0 is unlimited, here and below. */
  readonly downloadLimitBytesPerSecond: number;
  readonly uploadLimitBytesPerSecond: number;
  /** Hold its own rates back for the host's other work. */
  readonly giveWay: boolean;
  readonly quotaBytes: number;
  /** The registry that `/v2/` on the proxy port mirrors. */
  readonly registry?: string;
  /** How certain registries are reached, and with which credentials. */
  readonly registries: readonly RegistryConfig[];
  /** Leaves after this long without work; 0 is never. */
  readonly idleExitMs: number;
  readonly token?: string;
  readonly insecure: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

const settings = {
  supernode: setting(
    {
      name: "supernode",
      short: "n",
      aliases: ["supernodes", "node"],
      kind: supernodes,
      help: "a supernode: URL, HOST:PORT or HOST; repeatable",
    },
    "",
    "none: content comes from the origin",
  ),
  listen: {
    ...optional({ name: "listen", kind: listener, help: "where other hosts fetch pieces" }),
    shownDefault: "127.0.0.1:65002, with a token 0.0.0.0:65002",
  },
  advertise: optional({ name: "advertise", kind: advertised, help: "how other hosts reach it, if not at --listen" }),
  proxy: setting(
    { name: "proxy", kind: listenerOrOff, help: 'registry mirror and HTTP proxy; "off" for none' },
    "127.0.0.1:65001",
  ),
  proxyRule: setting(
    {
      name: "proxy-rule",
      aliases: ["proxy-rules"],
      kind: proxyRules,
      help: "how the HTTP proxy treats URLs with this pattern: swarm, direct or refuse; repeatable, the first that matches decides",
    },
    "",
    "none: images by digest from the swarm, the rest direct",
  ),
  fetchRule: fetchRuleSetting,
  intercept: setting(
    {
      name: "intercept",
      kind: hostPatterns,
      help: "a host whose HTTPS the proxy sees into, by its own authority (dragonfly ca); repeatable",
    },
    "",
    "none",
  ),
  metrics: setting(
    { name: "metrics", kind: listenerOrOff, help: 'health and metrics for Prometheus and Kubernetes; "off" for none' },
    "off",
  ),
  socket: setting({ name: "socket", kind: socketPath, help: "where dfget finds it" }, defaultSocket, shownSocket),
  dataDir: setting({ name: "data-dir", kind: directory, help: "where pieces are kept" }, defaultDataDir, shownDataDir),
  downloadLimit: setting(
    {
      name: "download-limit",
      aliases: ["totallimit"],
      kind: rate,
      help: "rate of receiving, all downloads together; 0 is unlimited",
    },
    "0",
  ),
  uploadLimit: setting(
    {
      name: "upload-limit",
      aliases: ["totallimit"],
      kind: rate,
      help: "rate of sending to other hosts; 0 is unlimited",
    },
    "0",
  ),
  giveWay: setting(
    {
      name: "give-way",
      kind: choice("on", "off"),
      help: "hold uploads, then downloads, back while other programs need the network, the disk or the memory",
    },
    "on",
  ),
  quota: setting({ name: "quota", kind: size, help: "disk space for content; 0 is as much as there is" }, "0"),
  registry: optional({ name: "registry", kind: registryUrl, help: "the registry that the proxy port mirrors" }),
  registries: optional({
    name: "registries",
    kind: registryList,
    only: "file",
    help: "certificates, credentials and paths of registries, see images.md",
  }),
  idleExit: setting({ name: "idle-exit", kind: duration, help: "leave after this long without work; 0 is never" }, "0"),
  token: optional({
    name: "token",
    kind: named(word, "TOKEN|@FILE"),
    help: "joins the cluster, once; better given as DRAGONFLY_TOKEN or @FILE",
  }),
  insecure: setting(
    { name: "insecure", kind: toggle, help: "serve other machines in plain HTTP, on a trusted network" },
    "false",
  ),
  ...logSettings,
};

export type DaemonOptions = Omit<OptionsOf<typeof settings>, "proxyRule" | "fetchRule" | "intercept" | "registries"> & {
  readonly registries?: readonly RegistryOptions[] | undefined;
  /** The same as `supernode`. */
  readonly supernodes?: readonly string[] | string | undefined;
  readonly proxyRules?: readonly ProxyRuleOption[] | undefined;
  /** `allow TARGET` or `deny TARGET`. */
  readonly fetchRules?: readonly string[] | string | undefined;
  /** `HOST`, `*.DOMAIN`, with or without a port. */
  readonly intercept?: readonly string[] | string | undefined;
};

export const daemonSchema: Schema<typeof settings, DaemonConfig> = {
  role: "daemon",
  settings,
  check({ values, sourceOf }) {
    const { listen, proxy, metrics, insecure } = values;
    const clash = listen !== undefined && proxy && listen.port !== 0 && formatAddress(listen) === formatAddress(proxy);
    return [
      ...exposureProblem(proxy, insecure, { source: sourceOf("proxy"), name: "proxy" }),
      ...exposureProblem(metrics, insecure, { source: sourceOf("metrics"), name: "metrics" }),
      ...undialable(values.advertise, sourceOf("advertise")),
      ...(clash ? [`${sourceOf("proxy") ?? "proxy"}: the pieces are served on ${formatAddress(listen)} already`] : []),
      ...(values.registry !== undefined && proxy === null
        ? [`${sourceOf("registry") ?? "registry"}: the mirror is served on the proxy port, which is off`]
        : []),
      ...(values.intercept !== undefined && values.intercept.length > 0 && proxy === null
        ? [`${sourceOf("intercept") ?? "intercept"}: the proxy port, which would intercept, is off`]
        : []),
    ];
  },
  config: (values) => ({
    supernodes: values.supernode,
    ...(values.listen === undefined ? {} : { listen: values.listen }),
    ...(values.advertise === undefined ? {} : { advertise: values.advertise }),
    metrics: values.metrics,
    proxy: values.proxy,
    proxyRules: values.proxyRule,
    fetchRules: values.fetchRule,
    intercept: values.intercept,
    socket: values.socket,
    dataDir: values.dataDir,
    downloadLimitBytesPerSecond: values.downloadLimit,
    uploadLimitBytesPerSecond: values.uploadLimit,
    giveWay: values.giveWay === "on",
    quotaBytes: values.quota,
    ...(values.registry === undefined ? {} : { registry: values.registry }),
    registries: values.registries ?? [],
    idleExitMs: values.idleExit,
    ...(values.token === undefined ? {} : { token: values.token }),
    insecure: values.insecure,
    logLevel: values.logLevel,
    logFormat: values.logFormat,
  }),
};
