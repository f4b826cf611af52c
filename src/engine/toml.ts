// Where things stand in a TOML file, so that a line can be added to it and all else keeps its bytes. It reads as much of TOML 1.0
// as that needs, leaves values unread but for plain strings, and refuses what it does not understand.

import { DragonflyError } from "../core/error.ts";

export interface TomlStatement {
  readonly kind: "table" | "array" | "entry";
  /** Of a table or an element of an array of tables its name; of an entry that of its table and its own. */
  readonly path: readonly string[];
  /** The name of the table that an entry stands in; for the others the same as `path`. */
  readonly table: readonly string[];
  /** Offsets of its first line's beginning and of what follows its last line. */
  readonly start: number;
  readonly end: number;
  /** Of an entry: its value as it is written. */
  readonly value: string;
  /** Of an entry: where its value begins. */
  readonly valueStart: number;
}

/** Throws `bad-config` that names the file and the line. */
export function scanToml(path: string, text: string): readonly TomlStatement[] {
  const scanner = new Scanner(path, text);
  const statements: TomlStatement[] = [];
  let table: readonly string[] = [];
  for (;;) {
    const statement = scanner.next(table);
    if (statement === undefined) return statements;
    table = statement.table;
    statements.push(statement);
  }
}

/** What a value is as a string; undefined where it is none, or one of several lines. */
export function tomlString(value: string): string | undefined {
  if (/^'[^'\n]*'$/.test(value)) return value.slice(1, -1);
  if (!/^"(?:[^"\\\n]|\\.)*"$/.test(value)) return undefined;
  try {
    return String(JSON.parse(value));
  } catch {
    return undefined;
  }
}

export function samePath(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && beginsWith(one, other);
}

export function beginsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((part, index) => path[index] === part);
}

/** The offset before a statement and the comment that stands right above it. */
export function aboveComment(text: string, { start }: TomlStatement): number {
  let offset = start;
  while (offset > 0) {
    const above = text.lastIndexOf("\n", offset - 2) + 1;
    if (!/^[ \t]*#/.test(text.slice(above, offset))) return offset;
    offset = above;
  }
  return offset;
}

class Scanner {
  readonly #path: string;
  readonly #text: string;
  #at = 0;

  constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /** The statement after blank lines and comments; undefined at the end. */
  next(table: readonly string[]): TomlStatement | undefined {
    while (this.#take(/[ \t]*(?:#[^\n]*)?(?:\r?\n|(?<=#[^\n]*)$)/y) !== "");
    const start = this.#at;
    this.#take(/[ \t]*/y);
    if (this.#at === this.#text.length) return undefined;
    const open = this.#take(/\[\[?/y);
    return open === "" ? this.#entry(table, start) : this.#header(open, start);
  }

  #header(open: string, start: number): TomlStatement {
    this.#take(/[ \t]*/y);
    const path = this.#key();
    if (this.#take(open === "[[" ? /[ \t]*\]\]/y : /[ \t]*\]/y) === "")
      throw this.#refusal("a table's name is not closed");
    this.#finishLine();
    const kind = open === "[[" ? "array" : "table";
    return { kind, path, table: path, start, end: this.#at, value: "", valueStart: this.#at };
  }

  #entry(table: readonly string[], start: number): TomlStatement {
    const key = this.#key();
    if (this.#take(/[ \t]*=[ \t]*/y) === "") throw this.#refusal("a key without a value");
    const valueStart = this.#at;
    this.#skipValue();
    const value = this.#text.slice(valueStart, this.#at).trimEnd();
    this.#finishLine();
    return { kind: "entry", path: [...table, ...key], table, start, end: this.#at, value, valueStart };
  }

  #key(): readonly string[] {
    const parts: string[] = [];
    do {
      const written = this.#take(/[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/y);
      const part = /^["']/.test(written) ? tomlString(written) : written;
      if (written === "" || part === undefined) throw this.#refusal("neither a key nor a table");
      parts.push(part);
    } while (this.#take(/[ \t]*\.[ \t]*/y) !== "");
    return parts;
  }

  /** Over strings, comments and brackets, to the end of the value. */
  #skipValue(): void {
    const start = this.#at;
    const open: string[] = [];
    for (;;) {
      if (this.#skipString()) continue;
      const one = this.#text[this.#at];
      if (one === undefined || (open.length === 0 && /[\r\n#]/.test(one))) break;
      if (one === "#") this.#take(/#[^\n]*/y);
      else if (one === "\n" && open.includes("{")) throw this.#refusal("a line ends inside of { }");
      else if ((one === "]" || one === "}") && open.pop() !== (one === "]" ? "[" : "{")) {
        throw this.#refusal(`a ${one} too many`);
      } else {
        if (one === "[" || one === "{") open.push(one);
        this.#at += 1;
        if (open.length > maxDepth) throw this.#refusal("nested too deeply");
      }
    }
    if (open.length > 0) throw this.#refusal(`a ${open.at(-1)} is not closed`);
    if (this.#text.slice(start, this.#at).trim() === "") throw this.#refusal("a key without a value");
    this.#checkScalar(this.#text.slice(start, this.#at).trim());
  }

  #skipString(): boolean {
    const multiline = this.#take(/"""(?:[^\\]|\\[\s\S])*?"{3,5}(?!")|'''[\s\S]*?'{3,5}(?!')/y);
    if (multiline !== "") return true;
    if (this.#take(/"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/y) !== "") return true;
    if (/["']/.test(this.#text[this.#at] ?? "")) throw this.#refusal("a string is not closed");
    return false;
  }

  /** A bare word means that the line is something else. */
  #checkScalar(value: string): void {
    if (!scalar.test(value)) throw this.#refusal("a value that is none of TOML's");
  }

  #finishLine(): void {
    if (this.#take(/[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y) === "" && this.#at < this.#text.length) {
      throw this.#refusal("more on the line than one statement");
    }
  }

  /** What `pattern`, a sticky one, matches here, and steps over it. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += taken.length;
    return taken;
  }

  #refusal(why: string): DragonflyError {
    const line = this.#text.slice(0, this.#at).split("\n").length;
    return new DragonflyError("bad-config", `${this.#path}:${line}: ${why}; mend it first, it is left as it is`);
  }
}

const maxDepth = 64;
const number = /[+-]?(?:inf|nan|\d[\w.:+-]*(?: \d[\w.:+-]*)?)/.source;
const scalar = new RegExp(`^(?:\\[[^]*\\]|\\{[^]*\\}|"[^]*"|'[^]*'|true|false|${number})$`);
