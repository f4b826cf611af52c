import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { HostId } from "../core/ids.ts";
import type { Role } from "../core/role.ts";
import { parseToken } from "../wire/token.ts";
import { Tokens } from "./tokens.ts";

let folder: string;
let nowMs = 1_000_000;
let tokens: Tokens;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "tokens-"));
  tokens = new Tokens(folder, () => nowMs);
});
after(() => rm(folder, { recursive: true }));

const host = (n: number): HostId => n.toString(16).padStart(32, "0") as HostId;

function create(
  role: Role,
  { expiresAtMs = null as number | null, uses = null as number | null } = {},
): Promise<string> {
  return tokens.create({ role, authority: "a".repeat(64), supernodes: ["sn.example:8002"], expiresAtMs, uses });
}

test("a role includes those before it, and joining is apart", async () => {
  const needs = ["read", "operate", "admin", "join"] as const;
  const granted = async (role: Role): Promise<readonly string[]> => {
    const text = await create(role);
    const ways = await Promise.allSettled(needs.map((needed) => tokens.check(text, needed)));
    return needs.filter((_, at) => ways[at]?.status === "fulfilled");
  };
  assert.deepEqual(await granted("read"), ["read"]);
  assert.deepEqual(await granted("operate"), ["read", "operate"]);
  assert.deepEqual(await granted("admin"), ["read", "operate", "admin"]);
  assert.deepEqual(await granted("join"), ["join"]);
});

test("a token altered in any byte is refused", async () => {
  const text = await create("admin");
  for (let at = 0; at < text.length; at++) {
    const altered = `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
    await assert.rejects(tokens.check(altered, "read"), { code: "not-authorised" }, `byte ${at}`);
  }
  for (const other of ["", text.slice(0, -1), `${text}A`]) {
    await assert.rejects(tokens.check(other, "read"), { code: "not-authorised" });
  }
  assert.equal((await tokens.check(text, "read")).role, "admin");
});

test("a token that joins so many hosts joins no more, but one of them again", async () => {
  const text = await create("join", { uses: 2 });
  const joins = await Promise.allSettled([0, 1, 2, 3].map((n) => tokens.join(text, host(n))));
  assert.deepEqual(
    joins.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected", "rejected"],
  );
  await tokens.join(text, host(1));
  await assert.rejects(tokens.join(text, host(9)), { code: "not-authorised", message: /used 2 times/ });
  const afresh = new Tokens(folder);
  await assert.rejects(afresh.join(text, host(9)), { code: "not-authorised" });
});

test("a token ends when it expires, by the supernode's clock, and when it is revoked", async () => {
  const text = await create("read", { expiresAtMs: nowMs + 1000 });
  await tokens.check(text, "read");
  nowMs += 1000;
  await assert.rejects(tokens.check(text, "read"), { code: "not-authorised", message: /expired/ });
  const other = await create("read");
  assert.equal(await tokens.revoke(parseToken(other).id), true);
  await assert.rejects(tokens.check(other, "read"), { code: "not-authorised" });
  assert.equal(await tokens.revoke(parseToken(other).id), false);
});

test("an id that leads elsewhere is no token's", async () => {
  for (const id of ["../../etc/passwd", "", "..", "0".repeat(15)]) assert.equal(await tokens.revoke(id), false);
});

test("what is kept of a token is not enough to use it", async () => {
  const text = await create("admin");
  const { secret } = parseToken(text);
  for (const name of await readdir(join(folder, "tokens"))) {
    assert.ok(!(await readFile(join(folder, "tokens", name), "utf8")).includes(secret));
  }
});
