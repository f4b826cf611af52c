// One key of a role's configuration. A table of settings is the only place where a key is declared: flags, environment, file,
// library options, help and documentation are all derived from it.

/** What a value is: how it is written, and how text (or a library option's value) becomes it. */
export interface Kind<T> {
  /** How help names the value; absent for a switch, which takes none. */
  readonly placeholder?: string;
  /** May be given several times; the raw value is then a list. */
  readonly repeatable?: true;
  /** Throws `bad-config` with a message that names the value and gives an example. */
  parse(raw: unknown): T;
}

/** What defaults depend on. */
export interface Place {
  readonly home: string;
  /** Running as root: system directories instead of the home directory. */
  readonly root: boolean;
  /** Where the files of `<role>.yaml` are looked for. */
  readonly etc: string;
}

interface Row<T> {
  /** Kebab-case, as flag and file key; `DRAGONFLY_` and capitals in the environment; camelCase is its key in the table. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** Other spellings, from Dragonfly 1.x. A name that several settings share sets them all. */
  readonly aliases?: readonly string[];
  readonly kind: Kind<T>;
  readonly help: string;
  /** Where it may be set: everywhere unless said otherwise. */
  readonly only?: "flag" | "flag or environment" | "file";
  /** Heading in `--help`. */
  readonly group?: string;
}

export interface Setting<T> extends Row<T> {
  /** Parsed like any value; absent where the setting has no default. */
  readonly fallback?: (place: Place) => unknown;
  /** The default as the documentation shows it. */
  readonly shownDefault?: string;
  /** Never set: tells the type of the resolved value. */
  readonly value?: T;
}

export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

export type ValuesOf<S extends SettingTable> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/** The same keys for the library: a typed value, or text with units. */
export type OptionsOf<S extends SettingTable> = { readonly [K in keyof S]?: ValuesOf<S>[K] | string | undefined };

/** A setting that always has a value. */
export function setting<T>(
  row: Row<T>,
  fallback: string | ((place: Place) => string),
  shownDefault?: string,
): Setting<T> {
  const fixed = typeof fallback === "string" ? fallback : undefined;
  const shown = shownDefault ?? fixed ?? "";
  return { ...row, fallback: typeof fallback === "string" ? () => fallback : fallback, shownDefault: shown };
}

/** A setting that is `undefined` unless somebody sets it. */
export function optional<T>(row: Row<T>): Setting<T | undefined> {
  return row;
}

export function environmentName(name: string): string {
  return `DRAGONFLY_${name.toUpperCase().replaceAll("-", "_")}`;
}

export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
