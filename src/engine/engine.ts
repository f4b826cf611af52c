// What a container engine is to `dragonfly init`: which of its files to edit, and how. Engines are pure but for what they read.

export interface Engine {
  readonly name: string;
  /** Names the record of its edits. Engines that read the same files have the same. */
  readonly record: string;
  /** How a mirror learns which registry the engine means. One that is not told takes it for its default registry. */
  readonly tellsRegistry: "in each request" | "in the mirror's path" | "never";
  /** What makes the running engine read its files again; undefined where it reads them each time. */
  readonly reload?: string;
  /** Throws `bad-config` for files that it does not understand, `bad-usage` for wishes that it cannot fulfil. */
  plan(tree: Tree, wish: Wish): Promise<Plan>;
}

export interface Wish {
  readonly mirror: Mirror;
  /** At least one, each once. */
  readonly registries: readonly Registry[];
}

export interface Mirror {
  /** `http://127.0.0.1:65001`: without a path or a slash at the end. */
  readonly url: string;
  /** The same without its scheme. */
  readonly authority: string;
  readonly tls: boolean;
}

export interface Registry {
  /** As image names have it: `docker.io`, `registry.example:5000`. */
  readonly host: string;
  readonly tls: boolean;
  /** The mirror knows it by its name before the repository's: for engines that do not say which registry they mean. */
  readonly byName?: boolean;
}

/** The files of a machine, or of a directory that is to become one. Paths begin with a slash. */
export interface Tree {
  /** Undefined where there is none. */
  read(path: string): Promise<string | undefined>;
  /** Names, sorted; empty where there is no such directory. */
  list(directory: string): Promise<readonly string[]>;
}

export interface Plan {
  /** The whole text that each file is to have; those that have it already may be among them. */
  readonly files: readonly PlannedFile[];
  /** What the user should know: one sentence each. */
  readonly notes: readonly string[];
}

export interface PlannedFile {
  readonly path: string;
  readonly text: string;
}
