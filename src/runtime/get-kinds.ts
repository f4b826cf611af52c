// The kinds of value that only a download has: what to fetch, which bytes of it, with which headers and digest.

import { DragonflyError } from "../core/error.ts";
import { text } from "./kinds.ts";
import type { Kind } from "./setting.ts";

export interface SourceUrl {
  readonly url: string;
  /** Without user and password. */
  readonly displayUrl: string;
}

export interface Digest {
  readonly algorithm: "sha256" | "sha512" | "md5";
  /** Lower-case. */
  readonly hex: string;
}

/** Positions of the first and the last byte; `last` null is to the end. */
export interface ContentRange {
  readonly first: number;
  readonly last: number | null;
}

export const sourceUrl: Kind<SourceUrl> = {
  placeholder: "URL",
  parse(raw) {
    const given = text(raw);
    if (!URL.canParse(given) || !/^[a-z][a-z0-9+.-]*:\/\//i.test(given)) {
      const shown = withoutSecrets(given);
      const hint = shown.includes("://") ? "" : `: write https://${shown} or http://${shown}`;
      throw new DragonflyError("bad-usage", `"${shown}" is not a URL${hint}`);
    }
    const url = new URL(given);
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      throw new DragonflyError(
        "unsupported-scheme",
        `${url.protocol}// is not a scheme that can be read: use http or https`,
      );
    }
    url.hash = "";
    const shown = new URL(url);
    shown.username = "";
    shown.password = "";
    return { url: url.href, displayUrl: shown.href };
  },
};

const digestLengths = { sha256: 64, sha512: 128, md5: 32 } as const;

export const digest: Kind<Digest> = {
  placeholder: "ALGORITHM:HEX",
  parse(raw) {
    const given = text(raw);
    const [, name = "", hex = ""] = /^([a-z0-9]+):([0-9a-f]+)$/i.exec(given) ?? [];
    const algorithm = name.toLowerCase();
    if (algorithm !== "sha256" && algorithm !== "sha512" && algorithm !== "md5") {
      throw new DragonflyError("bad-usage", `"${given}" is not a digest: write sha256: and 64 hexadecimal digits`);
    }
    const digits = digestLengths[algorithm];
    if (hex.length !== digits) {
      throw new DragonflyError(
        "bad-usage",
        `"${given}" is not a digest: ${algorithm} has ${digits} digits, not ${hex.length}`,
      );
    }
    return { algorithm, hex: hex.toLowerCase() };
  },
};

export const md5: Kind<Digest> = {
  placeholder: "MD5",
  parse: (raw) => digest.parse(text(raw).startsWith("md5:") ? raw : `md5:${text(raw)}`),
};

export const contentRange: Kind<ContentRange> = {
  placeholder: "A-B",
  parse(raw) {
    const given = text(raw);
    const match = /^(?:bytes=)?(\d+)-(\d*)$/.exec(given);
    const first = Number(match?.[1]);
    const last = match?.[2] === "" ? null : Number(match?.[2]);
    const valid = Number.isSafeInteger(first) && (last === null || (Number.isSafeInteger(last) && last >= first));
    if (!valid) {
      throw new DragonflyError(
        "bad-usage",
        `"${given}" is not a range: write FIRST-LAST, as in 0-1023 for the first KiB`,
      );
    }
    return { first, last };
  },
};

/** `Name: value` each, as curl takes them; a name that comes twice is joined as RFC 9110 section 5.3 allows. */
export const headers: Kind<Readonly<Record<string, string>>> = {
  placeholder: "'NAME: VALUE'",
  repeatable: true,
  parse(raw) {
    const joined = new Map<string, string>();
    for (const line of Array.isArray(raw) ? raw.map(text) : raw === "" ? [] : text(raw).split("\n")) {
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/.exec(line.trim()) ?? [];
      // The value may be a secret, so only what could be a name is ever repeated.
      const [shown] = /^[A-Za-z-]*/.exec(line.trim()) ?? [""];
      if (name === undefined || value === undefined || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
        throw new DragonflyError("bad-usage", `"${shown}" does not begin a header: write 'NAME: VALUE'`);
      }
      const key = name.toLowerCase();
      if (reserved.has(key))
        throw new DragonflyError("bad-usage", `the header ${name} is set by the download itself${reservedHint(key)}`);
      const earlier = joined.get(key);
      joined.set(key, earlier === undefined ? value : `${earlier}${key === "cookie" ? "; " : ", "}${value}`);
    }
    return Object.fromEntries(joined);
  },
};

const reserved = new Set(["range", "if-range", "content-length", "transfer-encoding", "connection", "upgrade", "te"]);

function reservedHint(name: string): string {
  return name === "range" ? ": use --range" : "";
}

/** Of what is no URL, so that nobody can say where its password ends: less is shown rather than more. */
function withoutSecrets(text: string): string {
  return text.replace(/^([a-z0-9+.-]*:?\/*).*@/is, "$1").replace(/[?#&=].*$/s, "");
}
