// What makes two requests the same task, two contents the same version, and two requesters the same audience.

import { hash } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import type { Audience, Digest, TaskId, VersionId } from "../core/ids.ts";
import { publicUrl } from "./public-url.ts";

/** A request for content, as a user names it. */
export interface TaskRequest {
  /** May carry user and password. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tag?: string | undefined;
  /** Names the whole content, wherever it comes from; its bytes are held to it. */
  readonly contentDigest?: Digest | undefined;
  /** Inclusive byte positions of the resource; `last` null is its end. */
  readonly range?: ByteRange | undefined;
  /** The request is refused (`not-shareable`) where the origin does not want its content to be shared; else the asker has decided that it is. */
  readonly onlyShareable?: boolean | undefined;
  /** How old the origin's word that a version is current may be, where the asker says. */
  readonly maxAgeMs?: number | undefined;
  /** Names of query parameters that do not change the content. */
  readonly filter?: readonly string[] | undefined;
  /** Certificates that vouch for the origin beside the system's, in PEM. */
  readonly ca?: string | undefined;
  /** Whose rights the Authorization stands for, where that changes and they do not; "" is everybody's. */
  readonly rights?: string | undefined;
  /** Nobody vouches for the origin. */
  readonly insecureOrigin?: boolean | undefined;
  /** Within whose trace it is done (W3C Trace Context); no part of the key. */
  readonly traceparent?: string | undefined;
}

export interface ByteRange {
  readonly first: number;
  readonly last: number | null;
}

export interface TaskKey {
  readonly id: TaskId;
  readonly audience: Audience;
  /** Whoever asks at the same place without credentials. */
  readonly everybody: Audience;
  readonly digest: Digest | undefined;
  /** What may be shown: no user, no password, no filtered parameters, no values of secrets. */
  readonly displayUrl: string;
  /** What the origin is asked for: no user or password, all parameters. */
  readonly originUrl: string;
  /** The user's headers, with the credentials of the URL as Authorization. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Signature parameters of the object stores; a group counts only when its mark is there, since some names are ordinary words. */
const signatureGroups: readonly { readonly mark: string; readonly names: readonly string[] }[] = [
  { mark: "x-amz-signature", names: ["x-amz-"] },
  { mark: "awsaccesskeyid", names: ["awsaccesskeyid", "signature", "expires", "x-amz-"] },
  { mark: "key-pair-id", names: ["key-pair-id", "policy", "signature", "expires"] },
  { mark: "x-goog-signature", names: ["x-goog-"] },
  { mark: "googleaccessid", names: ["googleaccessid", "signature", "expires"] },
  {
    mark: "sig",
    names: [
      "sig",
      "se",
      "sp",
      "st",
      "sv",
      "sr",
      "spr",
      "sip",
      "ss",
      "srt",
      "skoid",
      "sktid",
      "skt",
      "ske",
      "sks",
      "skv",
    ],
  },
  { mark: "ossaccesskeyid", names: ["ossaccesskeyid", "signature", "expires", "security-token"] },
  { mark: "x-oss-signature", names: ["x-oss-"] },
  { mark: "accesskeyid", names: ["accesskeyid", "signature", "expires", "x-obs-"] },
  { mark: "x-obs-signature", names: ["x-obs-"] },
  { mark: "q-signature", names: ["q-", "x-cos-security-token"] },
];

/** Headers that say nothing about the asker's rights. */
const harmlessHeaders = new Set(["accept", "accept-language", "cache-control", "pragma", "referer", "user-agent"]);

/** Errors: `bad-usage` for what is no URL, `unsupported-scheme` for what is not HTTP. */
export function taskKey(request: TaskRequest): TaskKey {
  const url = parseUrl(request.url);
  const headers: Record<string, string> = { ...request.headers };
  if (url.username !== "" || url.password !== "") {
    const pair = `${decodeOr(url.username)}:${decodeOr(url.password)}`;
    if (!Object.keys(headers).some((name) => name.toLowerCase() === "authorization")) {
      headers.Authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
    }
    url.username = "";
    url.password = "";
  }
  url.hash = "";
  const originUrl = url.href;
  const filtered = filterQuery(url, request.filter ?? []);
  const { contentDigest: digest } = request;
  // Another repository's rights are others, whatever it holds.
  // Nor does what somebody else's authority let through give rights to those who trust another.
  const place = digest === undefined ? [] : [url.href, ...trustOf(request)];
  return {
    id: taskIdOf(request, url.href),
    audience: audienceOf(headers, filtered, { place, login: request.rights }),
    everybody: audienceOf({}, [], { place, login: undefined }),
    digest,
    displayUrl: publicUrl(url.href),
    originUrl,
    headers,
  };
}

/** What its digest names is the same whatever it is called, and whoever vouches for the place it comes from. */
function taskIdOf(request: TaskRequest, url: string): TaskId {
  const { contentDigest: digest, tag = "", range } = request;
  if (digest !== undefined) return digestOf("dragonfly content 1", digest, rangeText(range)) as TaskId;
  return digestOf("dragonfly task 1", url, tag, rangeText(range), ...trustOf(request)) as TaskId;
}

/** The version of a task that has this length and strongest validator. */
export function versionIdOf(task: TaskId, length: number | null, validator: string): VersionId {
  return digestOf("dragonfly version 1", task, length === null ? "" : String(length), validator) as VersionId;
}

function parseUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new DragonflyError("bad-usage", `"${publicUrl(text)}" is not a URL: give it as http://host/path`, {
      cause,
    });
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    const scheme = url.protocol.slice(0, -1);
    throw new DragonflyError("unsupported-scheme", `the scheme "${scheme}" is not supported: use http or https`);
  }
  return url;
}

/** Removes the filtered parameters from the URL and returns them, since they may be credentials. */
function filterQuery(url: URL, names: readonly string[]): readonly string[] {
  if (url.search === "") return [];
  const present = new Set([...url.searchParams.keys()].map((name) => name.toLowerCase()));
  const prefixes = signatureGroups.filter(({ mark }) => present.has(mark)).flatMap((group) => group.names);
  const isFiltered = (name: string): boolean => {
    if (names.includes(name)) return true;
    const lower = name.toLowerCase();
    return prefixes.some((prefix) => (prefix.endsWith("-") ? lower.startsWith(prefix) : lower === prefix));
  };
  const kept: string[] = [];
  const filtered: string[] = [];
  // The text is cut, not decoded and encoded again: an origin may tell "%20" from "+".
  for (const part of url.search.slice(1).split("&")) {
    const name = decodeLoosely(part.split("=", 1)[0] ?? "");
    (isFiltered(name) ? filtered : kept).push(part);
  }
  url.search = kept.join("&");
  return filtered;
}

function decodeLoosely(text: string): string {
  return decodeOr(text.replaceAll("+", " "));
}

/** What stands under percent signs; the text itself where that is not UTF-8. */
function decodeOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Content that only some trust is a task of its own: whoever is shown to be careless, or deceived, is so for himself. */
function trustOf({ ca, insecureOrigin }: TaskRequest): readonly string[] {
  if (insecureOrigin === true) return ["unverified"];
  return ca === undefined ? [] : ["vouched", ca];
}

function audienceOf(
  headers: Readonly<Record<string, string>>,
  filtered: readonly string[],
  { place, login }: { readonly place: readonly string[]; readonly login: string | undefined },
): Audience {
  const said = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !harmlessHeaders.has(name) && (login === undefined || name !== "authorization"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value}`);
  // No header's name has a space.
  const rights = login === undefined || login === "" ? said : [...said, `login ${login}`];
  if (rights.length === 0 && filtered.length === 0 && place.length === 0) return "" as Audience;
  return digestOf("dragonfly audience 1", ...rights, "", ...filtered, "", ...place) as Audience;
}

function rangeText(range: ByteRange | undefined): string {
  return range === undefined ? "" : `${range.first}-${range.last ?? ""}`;
}

/** SHA-256 over the parts, each behind its length, so that no two lists of parts encode alike. */
function digestOf(...parts: readonly string[]): string {
  const pieces: Buffer[] = [];
  for (const part of parts) {
    const bytes = Buffer.from(part);
    const head = Buffer.allocUnsafe(4);
    head.writeUInt32BE(bytes.length);
    pieces.push(head, bytes);
  }
  // In one piece: a registration makes several of these, and each call into the library costs more than the bytes.
  return hash("sha256", Buffer.concat(pieces), "hex");
}

/** `1000-1999`, `1000-`, with or without `bytes=`. */
export function parseByteRange(text: string): ByteRange {
  const match = /^(?:bytes=)?(\d{1,15})-(\d{1,15})?$/.exec(text);
  const first = Number(match?.[1]);
  const last = match?.[2] === undefined ? null : Number(match[2]);
  if (match === null || (last !== null && last < first)) {
    throw new DragonflyError("bad-usage", `"${text}" is not a byte range: give it as 1000-1999`);
  }
  return { first, last };
}
