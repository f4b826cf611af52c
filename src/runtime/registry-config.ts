// The registries of a configuration file: how each is reached, whom to trust there, and with which credentials. Credentials
// themselves stand in files of their own: here are only their names.

import { resolve } from "node:path";
import { DragonflyError } from "../core/error.ts";
import { file, registryUrl, text, toggle } from "./kinds.ts";
import { nearestName } from "./nearest-name.ts";
import { type Kind, kebabCase } from "./setting.ts";

export interface RegistryConfig {
  /** As engines name it: `registry.example` or `registry.example:5000`, in lower case. */
  readonly host: string;
  /** Scheme, host and path, without a slash at the end. */
  readonly url: string;
  /** A PEM file that vouches for it, besides what the system trusts. */
  readonly caFile?: string;
  /** Its certificate is not verified. */
  readonly insecure: boolean;
  readonly login?: RegistryLoginFile;
}

/** A registry as it is written, in a file in kebab-case. */
export interface RegistryOptions {
  readonly host: string;
  readonly url?: string;
  readonly ca?: string;
  readonly insecure?: boolean;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly authFile?: string;
}

/** Where credentials are read from. */
export type RegistryLoginFile =
  | { readonly kind: "password"; readonly username: string; readonly passwordFile: string }
  | { readonly kind: "docker"; readonly authFile: string };

const maxRegistries = 256;
const keys = ["host", "url", "ca", "insecure", "username", "password-file", "auth-file"] as const;
type Key = (typeof keys)[number];
const hostPattern = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;

export const registryList: Kind<readonly RegistryConfig[]> = {
  parse(raw) {
    if (!Array.isArray(raw)) throw bad("registries are a list: - host: registry.example");
    if (raw.length > maxRegistries) throw bad(`at most ${maxRegistries} registries can be configured`);
    const parsed = raw.map(parseOne);
    const twice = parsed.find(({ host }, nth) => parsed.findIndex((other) => other.host === host) < nth);
    if (twice !== undefined) throw bad(`${twice.host} is there twice`);
    return parsed;
  },
};

function parseOne(raw: unknown, nth: number): RegistryConfig {
  const place = (name?: unknown): string => `entry ${nth + 1}${typeof name === "string" ? ` (${name})` : ""}`;
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw bad(`${place()}: write host: registry.example`);
  const given = new Map<Key, unknown>();
  for (const [name, value] of Object.entries(raw))
    given.set(knownKey(name, place("host" in raw ? raw.host : "")), value);
  const at = place(given.get("host"));
  const value = <T>(key: Key, kind: Kind<T>): T | undefined => {
    const one = given.get(key);
    if (one === undefined || one === null) return undefined;
    try {
      return kind.parse(one);
    } catch (thrown) {
      throw bad(`${at}: ${key}: ${DragonflyError.from(thrown).message}`);
    }
  };
  const host = value("host", registryHost);
  if (host === undefined) throw bad(`${at}: host is missing`);
  const caFile = value("ca", file);
  const login = loginOf(
    { username: value("username", word), password: value("password-file", file), auth: value("auth-file", file) },
    at,
  );
  return {
    host,
    url: value("url", registryUrl) ?? `https://${host}`,
    ...(caFile === undefined ? {} : { caFile: resolve(caFile) }),
    insecure: value("insecure", toggle) ?? false,
    ...(login === undefined ? {} : { login }),
  };
}

function knownKey(name: string, place: string): Key {
  const spelled = kebabCase(name);
  const known = keys.find((key) => key === spelled);
  if (known !== undefined) return known;
  const nearest = nearestName(spelled, keys);
  throw bad(`${place}: unknown key "${name}"${nearest === undefined ? "" : `, did you mean "${nearest}"?`}`);
}

function loginOf(
  given: {
    readonly username?: string | undefined;
    readonly password?: string | undefined;
    readonly auth?: string | undefined;
  },
  place: string,
): RegistryLoginFile | undefined {
  const { username, password, auth } = given;
  if (auth !== undefined) {
    if (username === undefined && password === undefined) return { kind: "docker", authFile: auth };
    throw bad(`${place}: give auth-file, or username and password-file`);
  }
  if (username === undefined && password === undefined) return undefined;
  if (username !== undefined && password !== undefined) return { kind: "password", username, passwordFile: password };
  throw bad(`${place}: ${username === undefined ? "username" : "password-file"} is missing`);
}

const registryHost: Kind<string> = {
  parse(raw) {
    const host = text(raw).toLowerCase();
    if (hostPattern.test(host) && URL.canParse(`https://${host}`)) return host;
    throw bad(`"${host}" is no registry: write HOST or HOST:PORT`);
  },
};

/** A name made of digits is a number in YAML. */
const word: Kind<string> = { parse: (raw) => text(typeof raw === "number" ? String(raw) : raw) };

function bad(message: string): DragonflyError {
  return new DragonflyError("bad-config", message);
}
