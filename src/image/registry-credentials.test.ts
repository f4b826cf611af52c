import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { silentLog } from "../runtime/log.ts";
import { basicCredentials, CredentialFile, rightsOf } from "./registry-credentials.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "credentials-"));
});
after(() => rm(folder, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const ada = { kind: "password", username: "ada", password: "open: sesame" } as const;

test("credentials from Docker's config.json", async () => {
  const authFile = join(folder, "config.json");
  const auths = {
    "https://index.docker.io/v1/": { auth: base64("hub:pw") },
    "ghcr.io": { auth: base64("ada:open: sesame") },
    "azure.example": { auth: base64("<token>:identity") },
    "https://other.example": { auth: "", identitytoken: "refresh" },
  };
  await writeFile(authFile, JSON.stringify({ auths, credsStore: "desktop" }));
  const of = async (host: string) => {
    const file = await CredentialFile.open({ host, file: { kind: "docker", authFile }, log: silentLog });
    return file.get();
  };
  assert.deepEqual(await of("docker.io"), { kind: "password", username: "hub", password: "pw" });
  assert.deepEqual(await of("ghcr.io"), ada);
  assert.deepEqual(await of("azure.example"), { kind: "identity", token: "identity" });
  assert.deepEqual(await of("other.example"), { kind: "identity", token: "refresh" });
});

test("a password that was changed is read again, and one that is gone for a moment is kept", async () => {
  const passwordFile = join(folder, "password");
  let now = 0;
  await writeFile(passwordFile, "one\n");
  const file = { kind: "password", username: "ada", passwordFile } as const;
  const read = await CredentialFile.open({ host: "ghcr.io", file, log: silentLog, now: () => now });
  const password = async () => {
    const credentials = await read.get();
    return credentials.kind === "password" ? credentials.password : "";
  };
  await writeFile(passwordFile, "two\n");
  assert.equal(await password(), "one");
  now = 60_000;
  assert.equal(await password(), "two");
  await rm(passwordFile);
  now = 120_000;
  assert.equal(await password(), "two");
});

test("rights stand for credentials in one matter, and nobody has none", () => {
  const rights = rightsOf(ada, "https://ghcr.io", "repository:a:pull");
  assert.equal(rights, rightsOf({ ...ada }, "https://ghcr.io", "repository:a:pull"));
  const others = [
    rightsOf(ada, "https://ghcr.io", "repository:b:pull"),
    rightsOf(ada, "https://quay.io", "repository:a:pull"),
    rightsOf({ ...ada, username: "eve" }, "https://ghcr.io", "repository:a:pull"),
    rightsOf({ ...ada, password: "guess" }, "https://ghcr.io", "repository:a:pull"),
    rightsOf({ kind: "identity", token: ada.password }, "https://ghcr.io", "repository:a:pull"),
  ];
  assert.equal(new Set([rights, ...others]).size, 6);
  assert.equal(rightsOf(undefined, "https://ghcr.io"), "");
});

test("Basic credentials, and what is none", () => {
  assert.deepEqual(basicCredentials(`Basic ${base64("ada:open: sesame")}`), ada);
  for (const other of [undefined, "Bearer x", "Basic", `Basic ${base64("ada")}`, `Basic ${base64("ada:")}`]) {
    assert.equal(basicCredentials(other), undefined, other);
  }
});
