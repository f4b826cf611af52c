// What dfget can be told. Kept free of everything slow to load: dfget starts for each file.

import { DragonflyError } from "../core/error.ts";
import type { Schema } from "./config.ts";
import { type ContentRange, contentRange, type Digest, digest, headers, md5, sourceUrl } from "./get-kinds.ts";
import { directory, duration, file, named, rate, socketPath, supernodes, toggle, word } from "./kinds.ts";
import { defaultSocket, shownSocket } from "./locations.ts";
import { type LogFormat, type LogLevel, logSettings } from "./log-settings.ts";
import { optional, setting } from "./setting.ts";

export interface GetConfig {
  /** As given, with user and password if they were in it. */
  readonly url: string;
  /** The same without them: the only form that is ever shown. */
  readonly displayUrl: string;
  /** As given; undefined is the last segment of the URL, `-` is standard output. */
  readonly output?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly digests: readonly Digest[];
  /** Query parameters that do not tell contents apart. */
  readonly filter: readonly string[];
  readonly tag?: string;
  readonly range?: ContentRange;
  /** 0 is unlimited. */
  readonly rateBytesPerSecond: number;
  /** 0 is no limit. */
  readonly timeoutMs: number;
  /** How old the origin's word that a version is current may be; undefined is as the cluster has it. */
  readonly maxAgeMs?: number;
  readonly backToSource: boolean;
  readonly supernodes: readonly string[];
  readonly socket: string;
  /** Of a daemon that dfget starts; undefined is the one that belongs to the socket. */
  readonly dataDir?: string;
  /** A file of PEM certificates. */
  readonly cacert?: string;
  readonly insecureOrigin: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly overwrite: boolean;
  readonly verbose: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

const content = "What:";
const output = "Where to:";
const source = "Where from:";
const shownData = "beside the socket, its name without .sock";

const settings = {
  url: optional({ name: "url", short: "u", kind: sourceUrl, only: "flag", group: content, help: "what to fetch" }),
  header: setting(
    { name: "header", short: "H", kind: headers, group: content, help: "send this header to the origin; repeatable" },
    "",
    "none",
  ),
  range: optional({
    name: "range",
    kind: contentRange,
    only: "flag",
    group: content,
    help: "only these bytes: first and last position",
  }),
  digest: optional({
    name: "digest",
    kind: digest,
    only: "flag",
    group: content,
    help: "refuse any other content: sha256:HEX, sha512:HEX or md5:HEX",
  }),
  md5: optional({ name: "md5", short: "m", kind: md5, only: "flag", group: content, help: "the same, by MD5" }),
  tag: optional({
    name: "tag",
    short: "i",
    aliases: ["identifier"],
    kind: named(word, "TAG"),
    group: content,
    help: "keep this content apart from the same URL under another tag",
  }),
  filter: optional({
    name: "filter",
    short: "f",
    kind: named(word, "'KEY&KEY'"),
    group: content,
    help: "query parameters that do not matter, such as signatures",
  }),
  output: optional({
    name: "output",
    short: "o",
    kind: named(word, "FILE"),
    only: "flag",
    group: output,
    help: 'file or directory to write to, "-" for standard output (default: the URL\'s last segment)',
  }),
  overwrite: setting(
    { name: "overwrite", kind: toggle, only: "flag", group: output, help: "replace the output if it is there" },
    "false",
  ),
  json: setting(
    { name: "json", kind: toggle, only: "flag", group: output, help: "print the result as one JSON object" },
    "false",
  ),
  quiet: setting(
    { name: "quiet", short: "q", kind: toggle, only: "flag", group: output, help: "print errors only" },
    "false",
  ),
  verbose: setting(
    {
      name: "verbose",
      short: "v",
      kind: toggle,
      only: "flag",
      group: output,
      help: "tell each step on standard error",
    },
    "false",
  ),
  limit: setting(
    {
      name: "limit",
      short: "s",
      aliases: ["locallimit"],
      kind: rate,
      group: source,
      help: "rate of this download; 0 is unlimited",
    },
    "0",
  ),
  timeout: setting(
    { name: "timeout", short: "e", kind: duration, group: source, help: "give up after this long; 0 is never" },
    "0",
  ),
  maxAge: optional({
    name: "max-age",
    kind: duration,
    group: source,
    help: "what the origin was asked about so long ago at most is current; 0 asks it now",
  }),
  noBackToSource: setting(
    {
      name: "no-back-to-source",
      aliases: ["notbs"],
      kind: toggle,
      group: source,
      help: "never read from the origin, only from peers and supernodes",
    },
    "false",
  ),
  supernode: setting(
    {
      name: "supernode",
      short: "n",
      aliases: ["supernodes", "node"],
      kind: supernodes,
      group: source,
      help: "supernode for a daemon that dfget starts; repeatable",
    },
    "",
    "none",
  ),
  cacert: optional({
    name: "cacert",
    aliases: ["cacerts"],
    kind: file,
    group: source,
    help: "PEM certificates to trust as the origin's, besides the system's",
  }),
  insecureOrigin: setting(
    {
      name: "insecure-origin",
      kind: toggle,
      only: "flag",
      group: source,
      help: "do not verify the origin's certificate",
    },
    "false",
  ),
  socket: setting(
    { name: "socket", kind: socketPath, group: source, help: "where the daemon listens" },
    defaultSocket,
    shownSocket,
  ),
  dataDir: optional({
    name: "data-dir",
    kind: directory,
    group: source,
    help: `where a daemon that dfget starts keeps pieces (default: ${shownData})`,
  }),
  ...logSettings,
};

export const getSchema: Schema<typeof settings, GetConfig> = {
  role: "get",
  settings,
  check({ values, sourceOf }) {
    return [
      ...(sourceOf("url") === undefined ? ["no URL: say what to fetch, as in dfget https://example.com/file.tar"] : []),
      ...(values.json === true && values.output === "-"
        ? ["--json and -o - contradict each other: both write to standard output"]
        : []),
      ...(values.quiet === true && values.verbose === true ? ["--quiet and --verbose contradict each other"] : []),
      ...(values.insecureOrigin === true && sourceOf("cacert")?.startsWith("--") === true
        ? ["--insecure-origin and --cacert contradict each other: the one verifies, the other does not"]
        : []),
    ];
  },
  config(values) {
    if (values.url === undefined) throw new DragonflyError("bad-usage", "no URL");
    const filter = values.filter?.split(/[&,]/).filter((key) => key !== "") ?? [];
    return {
      ...values.url,
      ...(values.output === undefined ? {} : { output: values.output }),
      headers: values.header,
      digests: [values.digest, values.md5].filter((one) => one !== undefined),
      filter,
      ...(values.tag === undefined ? {} : { tag: values.tag }),
      ...(values.range === undefined ? {} : { range: values.range }),
      rateBytesPerSecond: values.limit,
      timeoutMs: values.timeout,
      ...(values.maxAge === undefined ? {} : { maxAgeMs: values.maxAge }),
      backToSource: !values.noBackToSource,
      supernodes: values.supernode,
      socket: values.socket,
      ...(values.dataDir === undefined ? {} : { dataDir: values.dataDir }),
      ...(values.cacert === undefined ? {} : { cacert: values.cacert }),
      insecureOrigin: values.insecureOrigin,
      json: values.json,
      quiet: values.quiet,
      overwrite: values.overwrite,
      verbose: values.verbose || values.logLevel === "debug",
      logLevel: values.logLevel,
      logFormat: values.logFormat,
    };
  },
};
