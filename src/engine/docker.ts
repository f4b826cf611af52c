// Docker's engine: a mirror is an element of `registry-mirrors` in daemon.json. The file is edited as text, so that everything else
// in it keeps its bytes.

import { DragonflyError } from "../core/error.ts";
import type { Engine, Registry } from "./engine.ts";
import { lineEndOf } from "./text-edit.ts";

const path = "/etc/docker/daemon.json";
const key = "registry-mirrors";

export const docker: Engine = {
  name: "docker",
  record: "docker",
  tellsRegistry: "never",
  reload: "systemctl reload docker",
  async plan(tree, { mirror, registries }) {
    refuseOthers(registries);
    const text = addMirror(await tree.read(path), mirror.url);
    const notes = ["Docker asks mirrors for images of docker.io only, and docker.io itself when no mirror answers"];
    return { files: [{ path, text }], notes };
  },
};

function refuseOthers(registries: readonly Registry[]): void {
  const other = registries.find(({ host }) => host !== "docker.io");
  if (other === undefined) return;
  const why = "Docker's engine has mirrors for docker.io only: leave it out, or pull it with containerd or podman";
  throw new DragonflyError("bad-usage", `${other.host}: ${why}`);
}

/** The text of daemon.json with the mirror before all others; the same text if it is there. Throws `bad-config`. */
export function addMirror(text: string | undefined, mirror: string): string {
  const ours = JSON.stringify(mirror);
  // Docker takes an empty file for one without settings.
  if (text === undefined || text.trim() === "") return `{\n  ${JSON.stringify(key)}: [${ours}]\n}\n`;
  const members = membersOf(text, parseObject(text));
  const named = members.filter((member) => member.key === key);
  if (named.length > 1) throw refusal(`${key} stands there twice: remove one`);
  const [list] = named;
  if (list === undefined) return insertFirst(text, text.indexOf("{") + 1, `${JSON.stringify(key)}: [${ours}]`);
  const value: unknown = JSON.parse(text.slice(list.start, list.end));
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string")) {
    throw refusal(`${key} is not a list of texts: make it one`);
  }
  const place = value.findIndex((one) => one.replace(/\/$/, "") === mirror);
  if (place === 0) return text;
  if (place > 0) throw refusal(`${mirror} is among ${key}, but not the first: move it to the front, or remove it`);
  return insertFirst(text, list.start + 1, ours);
}

/** Behind the bracket that ends at `offset`, on a line of its own where the next element has one. */
function insertFirst(text: string, offset: number, element: string): string {
  const gap = /^\s*/.exec(text.slice(offset))?.[0] ?? "";
  const [before, rest] = [text.slice(0, offset), text.slice(offset + gap.length)];
  const isTall = gap.includes("\n");
  if (rest.startsWith("]")) return `${before}${element}${rest}`;
  if (rest.startsWith("}")) {
    const end = lineEndOf(text);
    return `${before}${end}  ${element}${isTall ? gap : end}${rest}`;
  }
  return `${before}${gap}${element},${isTall ? gap : gap || " "}${rest}`;
}

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n")[0] : "";
    throw new DragonflyError("bad-config", `${path} is not valid JSON, mend it first: ${why}`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw refusal("it is not one JSON object: mend it first");
}

interface Member {
  readonly key: string;
  /** Of the value, without the space around it. */
  readonly start: number;
  readonly end: number;
}

/** Of the outermost object. */
function membersOf(text: string, object: object): readonly Member[] {
  const members: Member[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g;
  let depth = 0;
  let member: { key: string; start: number; end: number } | undefined;
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (depth === 1 && member === undefined && token.startsWith('"')) {
      member = { key: String(JSON.parse(token)), start: -1, end: -1 };
    } else if (depth === 1 && member !== undefined && (token === "," || token === "}")) {
      members.push(member);
      member = undefined;
    } else if (member !== undefined && !(depth === 1 && token === ":")) {
      if (member.start < 0) member.start = index;
      member.end = index + token.length;
    }
    if (token === "{" || token === "[") depth += 1;
    if (token === "}" || token === "]") depth -= 1;
  }
  const known = new Set(Object.keys(object));
  if (members.every((one) => known.has(one.key))) return members;
  throw refusal("it is not understood");
}

function refusal(why: string): DragonflyError {
  return new DragonflyError("bad-config", `${path}: ${why}`);
}
