// The tokens that a supernode takes, a file each in its data directory, so that `dragonfly token` and a running supernode see the same. What is
// kept of a token is its digest: whoever reads the files cannot use them.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { appendFile, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import { type Access, mayDo, roles } from "../core/role.ts";
import { writePrivate } from "../runtime/private-file.ts";
import { formatToken, parseToken, type Token, tokenId } from "../wire/token.ts";

const record = z.object({
  id: z.string().regex(tokenId),
  role: z.enum(roles),
  /** Of the token's text, in hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAtMs: z.number(),
  expiresAtMs: z.number().nullable(),
  uses: z.number().int().positive().nullable(),
});

export type TokenRecord = z.infer<typeof record> & {
  /** That joined with it. */
  readonly hosts: readonly HostId[];
};

export interface NewToken extends Pick<Token, "role" | "authority" | "supernodes" | "expiresAtMs" | "uses"> {}

export class Tokens {
  readonly #folder: string;
  readonly #nowMs: () => number;
  /** Joins take turns, so that two of them cannot share the last use. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(dataDir: string, nowMs: () => number = Date.now) {
    this.#folder = join(dataDir, "tokens");
    this.#nowMs = nowMs;
  }

  /** The token's text, which is not kept. Errors: `not-writable`. */
  async create(wanted: NewToken): Promise<string> {
    const token: Token = {
      id: randomBytes(8).toString("hex"),
      secret: randomBytes(24).toString("base64url"),
      ...wanted,
    };
    const text = formatToken(token);
    const { id, role, expiresAtMs, uses } = token;
    const kept: z.infer<typeof record> = {
      id,
      role,
      sha256: digestOf(text),
      createdAtMs: this.#nowMs(),
      expiresAtMs,
      uses,
    };
    await writePrivate(this.#file(id), `${JSON.stringify(kept)}\n`);
    return text;
  }

  /** The oldest first; those that are over too. */
  async list(): Promise<readonly TokenRecord[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const found = await Promise.all(
      names.filter((name) => name.endsWith(".json")).map((name) => this.#read(name.slice(0, -5))),
    );
    return found.filter((one) => one !== undefined).sort((a, b) => a.createdAtMs - b.createdAtMs);
  }

  /** Returns whether there was one. Hosts that joined with it stay. */
  async revoke(id: string): Promise<boolean> {
    if ((await this.#read(id)) === undefined) return false;
    await rm(this.#file(id));
    await rm(this.#joined(id), { force: true });
    return true;
  }

  /** The token of this text, if it is valid and its role suffices. Errors: `not-authorised`, `not-permitted`; neither quotes the text. */
  async check(text: string, needed: Access): Promise<TokenRecord> {
    const kept = await this.#read(idOf(text));
    const digest = Buffer.from(digestOf(text.trim()), "hex");
    if (kept === undefined || !timingSafeEqual(digest, Buffer.from(kept.sha256, "hex"))) {
      throw new DragonflyError("not-authorised", "the token is not one of this supernode, or was revoked");
    }
    if (kept.expiresAtMs !== null && this.#nowMs() >= kept.expiresAtMs) {
      throw new DragonflyError("not-authorised", `the token ${kept.id} has expired: create a new one`);
    }
    if (!mayDo(kept.role, needed)) {
      throw new DragonflyError(
        "not-permitted",
        `this needs a token with the role ${needed}, and this one has ${kept.role}`,
      );
    }
    return kept;
  }

  /** Lets a host join. The same host may come again: that is no further use. Errors: those of `check`; `not-authorised` when it is used up. */
  join(text: string, host: HostId): Promise<TokenRecord> {
    const joined = this.#turn.then(async () => {
      const token = await this.check(text, "join");
      if (token.hosts.includes(host)) return token;
      if (token.uses !== null && token.hosts.length >= token.uses) {
        throw new DragonflyError(
          "not-authorised",
          `the token ${token.id} was used ${token.uses} times already: create a new one`,
        );
      }
      await appendFile(this.#joined(token.id), `${host}\n`, { mode: 0o600 });
      return token;
    });
    this.#turn = joined.catch(() => {});
    return joined;
  }

  async #read(id: string): Promise<TokenRecord | undefined> {
    if (!tokenId.test(id)) return undefined;
    const [text, joined] = await Promise.all(
      [this.#file(id), this.#joined(id)].map((path) => readFile(path, "utf8").catch(() => "")),
    );
    if (text === undefined || text === "") return undefined;
    const parsed = record.safeParse(jsonOf(text));
    if (!parsed.success) return undefined;
    return { ...parsed.data, hosts: (joined ?? "").split("\n").filter((line) => line !== "") as HostId[] };
  }

  #file(id: string): string {
    return join(this.#folder, `${id}.json`);
  }

  #joined(id: string): string {
    return join(this.#folder, `${id}.hosts`);
  }
}

function idOf(text: string): string {
  try {
    return parseToken(text).id;
  } catch {
    return "";
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
