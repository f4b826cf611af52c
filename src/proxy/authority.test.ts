import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createSecureContext } from "node:tls";
import { promisify } from "node:util";
import { hostPatterns } from "../runtime/host-pattern.ts";
import { missingOpenssl } from "../testing/test-authority.ts";
import { Authority } from "./authority.ts";
import { LeafCertificates } from "./leaf-certificates.ts";

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "authority-"));
});
after(() => rm(directory, { recursive: true }));

const folder = (name: string): string => join(directory, name, "ca");

test("it is made once, whoever comes first, with a key that is its owner's alone", async () => {
  const hosts = hostPatterns.parse("files.test,*.below.test");
  const made = await Promise.all([1, 2, 3].map(() => Authority.create(folder("once"), hosts)));
  assert.equal(new Set(made.map(({ pem }) => pem)).size, 1);
  assert.equal((await Authority.create(folder("once"), hostPatterns.parse("other.test"))).pem, made[0]?.pem);
  assert.equal((await stat(join(folder("once"), "key.pem"))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(directory, "once")), ["ca"]);
  assert.deepEqual(made[0]?.hosts, ["files.test", "below.test"]);
});

test("it says which hosts are beyond it", async () => {
  const authority = await Authority.create(
    folder("beyond"),
    hostPatterns.parse("files.test,10.0.0.1,[2001:db8::1]:5000"),
  );
  const beyond = (hosts: string): readonly string[] =>
    authority.beyond(hostPatterns.parse(hosts)).map(({ name }) => name);
  assert.deepEqual(beyond("files.test:8443,x.files.test,*.files.test,10.0.0.1,[2001:db8::1]"), []);
  assert.deepEqual(beyond("notfiles.test,test,10.0.0.2,[2001:db8::2]"), [
    "notfiles.test",
    "test",
    "10.0.0.2",
    "2001:db8::2",
  ]);
});

test("its certificates are valid for its hosts, and for no other", { skip: missingOpenssl() }, async () => {
  const names = await Authority.create(folder("names"), hostPatterns.parse("files.test"));
  const addresses = await Authority.create(folder("addresses"), hostPatterns.parse("10.0.0.1,[::1]"));
  for (const [authority, host, valid] of [
    [names, "files.test", true],
    [names, "x.files.test", true],
    [names, `${"a".repeat(60)}.x.files.test`, true],
    [names, "other.test", false],
    [names, "10.0.0.1", false],
    [names, "::1", false],
    [addresses, "10.0.0.1", true],
    [addresses, "::1", true],
    [addresses, "10.0.0.2", false],
    [addresses, "files.test", false],
  ] as const) {
    const leaf = join(directory, "leaf.pem");
    await writeFile(leaf, (await authority.issue(host)).cert);
    const check = host.includes(":") || /^[\d.]+$/.test(host) ? "-verify_ip" : "-verify_hostname";
    const strict = ["verify", "-x509_strict", "-CAfile", authority.path, "-purpose", "sslserver", check, host, leaf];
    const verified = promisify(execFile)("openssl", strict);
    if (valid) await verified;
    else await assert.rejects(verified, /subtree violation/, host);
  }
});

test("what is broken is not used, and what to do is said", async () => {
  const hosts = hostPatterns.parse("files.test");
  const [one, two] = await Promise.all(["one", "two"].map((name) => Authority.create(folder(name), hosts)));
  await writeFile(join(folder("one"), "key.pem"), await readFile(join(folder("two"), "key.pem")));
  await assert.rejects(Authority.load(folder("one")), { code: "bad-config", message: /dragonfly ca create --replace/ });
  await writeFile(join(folder("one"), "key.pem"), "");
  await assert.rejects(Authority.load(folder("one")), { code: "bad-config" });
  await rm(join(folder("one"), "key.pem"));
  await assert.rejects(Authority.load(folder("one")), { code: "bad-config", message: /lacks/ });
  assert.notEqual(one?.pem, two?.pem);
  assert.equal(await Authority.load(folder("none")), undefined);
});

test("leaf certificates are kept for a day, and a few hundred of them", async () => {
  const authority = await Authority.create(folder("leaves"), hostPatterns.parse("*.below.test"));
  const issued: string[] = [];
  let nowMs = Date.now();
  const counting = {
    issue: (host: string) => {
      issued.push(host);
      return authority.issue(host);
    },
  };
  const leaves = new LeafCertificates(counting, () => nowMs);
  const [first, again] = await Promise.all([leaves.contextFor("a.below.test"), leaves.contextFor("a.below.test")]);
  assert.equal(first, again);
  assert.equal(issued.length, 1);
  nowMs += 25 * 3_600_000;
  assert.notEqual(await leaves.contextFor("a.below.test"), first);
  const cheap = new LeafCertificates({
    issue: async (host) => {
      issued.push(host);
      return { key: "", cert: "" };
    },
  });
  issued.length = 0;
  for (let nth = 0; nth < 300; nth++) await cheap.contextFor(`h${nth}.test`);
  await cheap.contextFor("h299.test");
  assert.equal(issued.length, 300);
  await cheap.contextFor("h0.test");
  assert.equal(issued.length, 301);
});

test("a host that cannot be answered for is tried again the next time", async () => {
  const authority = await Authority.create(folder("again"), hostPatterns.parse("files.test"));
  let broken = true;
  const leaves = new LeafCertificates({
    issue: (host) => (broken ? Promise.reject(new Error("no entropy")) : authority.issue(host)),
  });
  await assert.rejects(leaves.contextFor("files.test"), /no entropy/);
  broken = false;
  assert.ok(await leaves.contextFor("files.test"));
  const { cert, key } = await authority.issue("files.test");
  assert.ok(createSecureContext({ cert, key }));
  assert.ok(new X509Certificate(cert).checkIssued(authority.certificate));
});
