// The one door for configuration: flags, environment, file and defaults become one frozen value for a role, or one error that
// names every fault and where it was written. The roles' tables stand in their own files beside this one.

import { homedir } from "node:os";
import { join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import { adminSchema } from "./admin-config.ts";
import { readConfigFile } from "./config-file.ts";
import { type DaemonConfig, type DaemonOptions, daemonSchema } from "./daemon-config.ts";
import { getSchema } from "./get-config.ts";
import { preheatSchema } from "./preheat-config.ts";
import { type Given, type Layer, namesOf, type Problem, type Resolution, resolveSettings } from "./resolve-settings.ts";
import { environmentName, kebabCase, type Place, type SettingTable, type ValuesOf } from "./setting.ts";
import { type SupernodeConfig, type SupernodeOptions, supernodeSchema } from "./supernode-config.ts";

export type { Address } from "./address.ts";
export type { DaemonConfig, DaemonOptions } from "./daemon-config.ts";
export type { GetConfig } from "./get-config.ts";
export type { LogFormat, LogLevel } from "./log-settings.ts";
export type { SupernodeConfig, SupernodeOptions } from "./supernode-config.ts";

/** A role's settings and what they become. */
export interface Schema<S extends SettingTable, C> {
  /** Names `/etc/dragonfly/<role>.yaml`. */
  readonly role: string;
  readonly settings: S;
  /** What no single setting can see: contradictions. Values that did not parse are missing. */
  check(resolution: Resolution<S>): readonly string[];
  config(values: ValuesOf<S>): C;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly place: Place;
}

/** The only reader of the process's environment, apart from what hands it in. */
export function surroundings(env: Readonly<Record<string, string | undefined>> = process.env): Surroundings {
  const home = env.HOME ?? homedir();
  return { env, place: { home, root: process.getuid?.() === 0, etc: "/etc/dragonfly" } };
}

/** Precedence: flag, then environment, then file (`--config`, or the role's in /etc/dragonfly when it is there), then default. */
export async function loadConfig<S extends SettingTable, C>(
  schema: Schema<S, C>,
  flags: readonly Given[],
  { env, place }: Surroundings,
): Promise<C> {
  const problems: Problem[] = [];
  const variables = environmentLayer(schema.settings, env);
  const layers: Layer[] = [{ noun: "flag", given: flags, spell: (name) => `--${name}` }, variables];
  const asked = [...flags, ...variables.given].find(({ name }) => name === "config")?.raw;
  const path = typeof asked === "string" ? asked : join(place.etc, `${schema.role}.yaml`);
  try {
    const given = await readConfigFile(path, asked === undefined);
    if (given !== undefined) {
      const misplaced = given.filter(({ name }) => onlyElsewhere(schema.settings, name));
      for (const { name, source } of misplaced) problems.push({ message: `${source}: ${name} is no key for a file` });
      layers.push({
        noun: "key",
        given: given.filter((one) => !misplaced.includes(one)),
        spell: (name) => `"${name}"`,
      });
    }
  } catch (error) {
    problems.push({ message: DragonflyError.from(error).message });
  }
  return conclude(schema, resolveSettings(schema.settings, layers, place), problems);
}

/** The library's way: camelCase keys, typed values or text with units; numbers are bytes, bytes per second and milliseconds. */
export function parseOptions<S extends SettingTable, C>(
  schema: Schema<S, C>,
  options: Readonly<Record<string, unknown>>,
  place: Place = surroundings().place,
): C {
  const given = Object.entries(options)
    .filter(([, raw]) => raw !== undefined)
    .map(([key, raw]) => ({ name: kebabCase(key), raw, source: key }));
  const spell = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return conclude(schema, resolveSettings(schema.settings, [{ noun: "option", given, spell }], place), []);
}

export function parseSupernodeOptions(options: SupernodeOptions): SupernodeConfig {
  return parseOptions(supernodeSchema, options);
}

export function parseDaemonOptions(options: DaemonOptions): DaemonConfig {
  return parseOptions(daemonSchema, options);
}

function conclude<S extends SettingTable, C>(
  schema: Schema<S, C>,
  resolution: Resolution<S>,
  earlier: readonly Problem[],
): C {
  const contradictions = schema.check(resolution).map((message) => ({ message }));
  const problems: readonly Problem[] = [...earlier, ...resolution.problems, ...contradictions];
  if (problems.length > 0) {
    const codes = new Set(problems.map(({ code }) => code ?? "bad-config"));
    const [code = "bad-config"] = codes.size === 1 ? codes : [];
    throw new DragonflyError(code, problems.map(({ message }) => message).join("; "));
  }
  // Without a problem every setting has parsed, so no value is missing.
  return Object.freeze(schema.config(resolution.values as ValuesOf<S>));
}

function environmentLayer(table: SettingTable, env: Surroundings["env"]): Layer {
  const known = new Set(roles.flatMap(({ settings }) => variableNames(settings)));
  const own = new Set(variableNames(table));
  const given: Given[] = [];
  for (const [source, raw] of Object.entries(env)) {
    if (!source.startsWith("DRAGONFLY_") || raw === undefined || raw === "") continue;
    // One environment may serve several roles; and Kubernetes puts the addresses of a service named dragonfly there.
    if (!own.has(source) && (known.has(source) || serviceLink.test(source))) continue;
    given.push({ name: source.slice("DRAGONFLY_".length).toLowerCase().replaceAll("_", "-"), raw, source });
  }
  return { noun: "variable", given, spell: environmentName };
}

const serviceLink = /_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)$|_PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?$/;

function variableNames(table: SettingTable): readonly string[] {
  return Object.values(table)
    .filter(({ only }) => only !== "flag" && only !== "file")
    .flatMap(namesOf)
    .map(environmentName);
}

function onlyElsewhere(table: SettingTable, name: string): boolean {
  return Object.values(table).some(
    (setting) => setting.only !== undefined && setting.only !== "file" && namesOf(setting).includes(name),
  );
}

/** Every role that has a configuration; the documentation is made from them. */
export const roles: readonly { readonly role: string; readonly settings: SettingTable }[] = [
  supernodeSchema,
  daemonSchema,
  getSchema,
  adminSchema,
  preheatSchema,
];
