// An origin whose certificate only some trust.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Nginx } from "../testing/nginx.ts";
import { refused, sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { makeTestAuthority, missingOpenssl } from "../testing/test-authority.ts";
import { testContent } from "../testing/test-origin.ts";

const content = testContent(5 * 2 ** 20, 17);
const skip = Nginx.missing || missingOpenssl();
let nginx: Nginx;
let swarm: ProcessSwarm;
let ca: string;

before(async () => {
  if (skip) return;
  const authority = makeTestAuthority();
  [nginx, swarm] = await Promise.all([Nginx.start({ tls: authority }), ProcessSwarm.start({ hosts: 2 })]);
  ca = join(swarm.folder, "ca.pem");
  await writeFile(ca, authority.ca);
  for (const name of ["own", "careless", "pair"]) await nginx.put(name, content);
});
after(() => Promise.all([nginx?.close(), swarm?.close()]));

test("an own authority is trusted by who names it, and by nobody else", { skip }, async () => {
  const url = nginx.url("/own");
  const [knowing, other] = swarm.hosts;
  assert.ok(knowing !== undefined && other !== undefined);
  refused(await knowing.get(url, "-o", "file"), 3, /not trusted/, /--cacert/, /--insecure-origin/);
  succeeded(await knowing.get(url, "-o", "file", "--cacert", ca));
  assert.equal(await sha256OfFile(knowing.path("file")), sha256(content));
  for (const host of [knowing, other]) {
    refused(await host.get(url, "-o", "unproved"), 3, /not trusted/, /--cacert/);
    assert.equal((await host.files()).includes("unproved"), false);
  }
});

test("--insecure-origin is for one dfget: not for another, not at the same moment either", { skip }, async () => {
  const url = nginx.url("/careless");
  const [careless, careful] = await Promise.all([
    swarm.first.get(url, "-o", "careless", "--insecure-origin"),
    swarm.first.get(url, "-o", "careful"),
  ]);
  succeeded(careless);
  assert.equal(await sha256OfFile(swarm.first.path("careless")), sha256(content));
  refused(careful, 3, /not trusted/);
  refused(await swarm.first.get(url, "-o", "careful"), 3, /not trusted/);
});

test("a file that is no certificate is refused before anything is asked", { skip }, async () => {
  const path = join(swarm.folder, "not.pem");
  await writeFile(path, "hello");
  refused(await swarm.first.get(nginx.url("/pair"), "--cacert", path), 2, /--cacert/, /no PEM certificate/);
});
