// The rules by which the HTTP proxy treats URLs, as the configuration has them: a mapping in a file or for the library, `USE PATTERN` as a
// flag. Patterns are RE2's, which take linear time whatever the URL is; their engine is loaded with the first rule, since dfget has none.

import { createRequire } from "node:module";
import { DragonflyError } from "../core/error.ts";
import { text } from "./kinds.ts";
import type { Kind } from "./setting.ts";

export interface ProxyRule {
  readonly match: UrlPattern;
  readonly use: ProxyUse;
  /** What replaces these parts of the URL. */
  readonly rewrite: { readonly scheme?: "http" | "https"; readonly host?: string };
}

export type ProxyUse = (typeof uses)[number];

/** As it is written. */
export interface ProxyRuleOption {
  readonly match: string;
  readonly use?: ProxyUse;
  readonly rewrite?: { readonly scheme?: "http" | "https"; readonly host?: string };
}

export interface UrlPattern {
  readonly source: string;
  /** Whether it is found anywhere in the URL. */
  test(url: string): boolean;
}

const uses = ["swarm", "direct", "refuse"] as const;
const maxRules = 1000;
const maxPatternLength = 1000;
const hostPattern = /^(?:[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

export const proxyRules: Kind<readonly ProxyRule[]> = {
  placeholder: "'USE PATTERN'",
  repeatable: true,
  parse(raw) {
    if (raw === "") return [];
    const given: readonly unknown[] = Array.isArray(raw) ? raw : typeof raw === "string" ? linesOf(raw) : [raw];
    if (given.length > maxRules) throw new DragonflyError("bad-config", `more than ${maxRules} proxy rules`);
    return given.map((one, nth) => {
      try {
        return typeof one === "string" ? ruleFromText(one) : ruleFromMapping(one);
      } catch (error) {
        throw new DragonflyError("bad-config", `rule ${nth + 1}: ${DragonflyError.from(error).message}`);
      }
    });
  },
};

export function urlPattern(source: string): UrlPattern {
  if (source.length > maxPatternLength) {
    throw new DragonflyError(
      "bad-config",
      `a pattern has at most ${maxPatternLength} characters: split it in two rules`,
    );
  }
  const { RE2JS } = createRequire(import.meta.url)("re2js") as typeof import("re2js");
  try {
    const compiled = RE2JS.compile(source);
    return { source, test: (url) => compiled.matcher(url).find() };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/^error parsing regexp: /, "") : "it does not parse";
    throw new DragonflyError("bad-config", `the pattern is no RE2 expression: ${why}`, { cause });
  }
}

function linesOf(raw: string): readonly string[] {
  return raw.split("\n").filter((line) => line.trim() !== "");
}

function ruleFromText(line: string): ProxyRule {
  const [, use, pattern] = /^\s*(\S+)\s+(\S.*?)\s*$/.exec(line) ?? [];
  if (pattern === undefined) {
    throw new DragonflyError("bad-config", `"${line}" is no rule: write 'swarm ^https://files\\.example\\.com/'`);
  }
  return { match: urlPattern(pattern), use: useOf(use), rewrite: {} };
}

function ruleFromMapping(raw: unknown): ProxyRule {
  const rule = mapping(raw, "a rule", ["match", "use", "rewrite"]);
  if (rule.match === undefined) throw new DragonflyError("bad-config", "match is missing: give a pattern of URLs");
  const rewrite = rule.rewrite === undefined ? {} : rewriteOf(mapping(rule.rewrite, "rewrite", ["scheme", "host"]));
  if (rule.use === undefined && Object.keys(rewrite).length === 0) {
    throw new DragonflyError("bad-config", `use is missing: give one of ${uses.join(", ")}`);
  }
  return { match: urlPattern(text(rule.match)), use: useOf(rule.use ?? "direct"), rewrite };
}

function useOf(raw: unknown): ProxyUse {
  const use = uses.find((one) => one === raw);
  if (use !== undefined) return use;
  throw new DragonflyError("bad-config", `use is ${JSON.stringify(raw)}, and must be one of ${uses.join(", ")}`);
}

function rewriteOf({ scheme, host }: Readonly<Record<string, unknown>>): ProxyRule["rewrite"] {
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
    throw new DragonflyError("bad-config", `scheme is ${JSON.stringify(scheme)}, and must be http or https`);
  }
  if (host !== undefined && (typeof host !== "string" || !hostPattern.test(host) || !URL.canParse(`http://${host}`))) {
    throw new DragonflyError("bad-config", `host is ${JSON.stringify(host)}, and must be HOST or HOST:PORT`);
  }
  return { ...(scheme === undefined ? {} : { scheme }), ...(host === undefined ? {} : { host }) };
}

function mapping(raw: unknown, what: string, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new DragonflyError("bad-config", `${what} must be a mapping with ${keys.join(", ")}`);
  }
  const strange = Object.keys(raw).find((key) => !keys.includes(key));
  if (strange !== undefined)
    throw new DragonflyError("bad-config", `unknown key ${strange}: there are ${keys.join(", ")}`);
  return raw as Readonly<Record<string, unknown>>;
}
