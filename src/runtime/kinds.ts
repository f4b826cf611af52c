// The kinds of value that settings have, each with its parser: made once here, used in the tables of the roles.

import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { DragonflyError } from "../core/error.ts";
import { type Address, parseAddress, supernodeUrl } from "./address.ts";
import type { Kind } from "./setting.ts";
import { parseDuration, parseRate, parseSize } from "./units.ts";

export const size: Kind<number> = { placeholder: "SIZE", parse: numberOr(parseSize) };
export const rate: Kind<number> = { placeholder: "RATE", parse: numberOr(parseRate) };
export const duration: Kind<number> = { placeholder: "TIME", parse: numberOr(parseDuration) };

/** Where to listen. Port 0 picks a free one. */
export const listener: Kind<Address> = {
  placeholder: "HOST:PORT",
  parse: (raw) => (isAddress(raw) ? raw : parseAddress(text(raw))),
};

/** How others reach a listener. Port 0, or none, is the one it listens on. */
export const advertised: Kind<Address> = {
  placeholder: "HOST:PORT",
  parse: (raw) => (isAddress(raw) ? raw : parseAddress(text(raw), 0)),
};

export const listenerOrOff: Kind<Address | null> = {
  placeholder: "HOST:PORT",
  parse: (raw) => (raw === null || raw === false || raw === "off" ? null : listener.parse(raw)),
};

/** Supernodes as `http://host:port`, each once, in the order given. */
export const supernodes: Kind<readonly string[]> = {
  placeholder: "URL",
  repeatable: true,
  parse: (raw) => [...new Set(list(raw, ",").map(supernodeUrl))],
};

export const lines: Kind<readonly string[]> = {
  placeholder: "'NAME: VALUE'",
  repeatable: true,
  parse: (raw) => list(raw, "\n"),
};

export const word: Kind<string> = { placeholder: "TEXT", parse: text };

export const toggle: Kind<boolean> = {
  parse(raw) {
    if (typeof raw === "boolean") return raw;
    if (raw === "true" || raw === "1") return true;
    if (raw === "false" || raw === "0") return false;
    throw new DragonflyError("bad-config", `"${String(raw)}" is neither true nor false`);
  },
};

/** An absolute path; `~/` is the home directory, for where no shell has put it. */
export const file: Kind<string> = { placeholder: "FILE", parse: path };
export const directory: Kind<string> = { placeholder: "DIR", parse: path };

export const socketPath: Kind<string> = {
  placeholder: "PATH",
  parse(raw) {
    const absolute = path(raw);
    const bytes = Buffer.byteLength(absolute);
    // sockaddr_un.sun_path is 108 bytes with its final zero; a longer one would silently be cut.
    if (bytes > 107) {
      throw new DragonflyError("bad-config", `a socket path has at most 107 bytes, this one has ${bytes}: ${absolute}`);
    }
    return absolute;
  },
};

export const registryUrl: Kind<string> = {
  placeholder: "URL",
  parse(raw) {
    const url = URL.canParse(text(raw)) ? new URL(text(raw)) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new DragonflyError("bad-config", `"${text(raw)}" is not a registry: write https://HOST`);
    }
    if (url.username !== "" || url.password !== "") {
      throw new DragonflyError("bad-config", "a registry's URL must not hold a user or password");
    }
    return url.href.replace(/\/$/, "");
  },
};

export function choice<const T extends string>(...choices: readonly T[]): Kind<T> {
  return {
    placeholder: choices.join("|"),
    parse(raw) {
      const found = choices.find((one) => one === raw);
      if (found === undefined) {
        throw new DragonflyError("bad-config", `"${String(raw)}" is none of ${choices.join(", ")}`);
      }
      return found;
    },
  };
}

/** The same kind under a name that says more in `--help`. */
export function named<T>(kind: Kind<T>, placeholder: string): Kind<T> {
  return { ...kind, placeholder };
}

export function text(raw: unknown): string {
  if (typeof raw !== "string" || raw.trim() === "") {
    throw new DragonflyError("bad-config", raw === "" ? "the value is empty" : `${JSON.stringify(raw)} is not text`);
  }
  return raw.trim();
}

function numberOr(parse: (text: string) => number): (raw: unknown) => number {
  return (raw) => (typeof raw === "number" && Number.isSafeInteger(raw) && raw >= 0 ? raw : parse(String(raw)));
}

function list(raw: unknown, separator: string): readonly string[] {
  if (Array.isArray(raw)) return raw.flatMap((one) => list(one, separator));
  if (raw === "" || raw === undefined) return [];
  return text(raw)
    .split(separator)
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

function path(raw: unknown): string {
  const given = text(raw);
  if (given.includes("\0")) throw new DragonflyError("bad-config", "a path cannot hold a zero byte");
  return given.startsWith("~/") ? join(homedir(), given.slice(2)) : resolve(given);
}

function isAddress(raw: unknown): raw is Address {
  if (typeof raw !== "object" || raw === null || !("host" in raw) || !("port" in raw)) return false;
  const { host, port } = raw;
  return typeof host === "string" && typeof port === "number" && Number.isInteger(port) && port >= 0 && port <= 65_535;
}
