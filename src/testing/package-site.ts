// What package managers read from, in small: a Python index, an npm registry, a Debian repository and a Git LFS server on one TestOrigin, each
// with one package of real form.

import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type TestAnswer, TestOrigin, testContent } from "./test-origin.ts";

export interface PackageSite {
  readonly origin: TestOrigin;
  /** What each package holds, as its one large file. */
  readonly payload: Uint8Array;
  /** Bytes of content sent for a path. */
  sentBytes(path: string): number;
  has(path: string): Uint8Array;
}

/** Why what is needed to make the packages is not there, for a test to skip with. */
export function missingTool(...programs: readonly string[]): string | false {
  const lacking = programs.find((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);
  return lacking === undefined ? false : `${lacking} is not installed`;
}

/** `host` is how clients name the site; `folder` is written to. */
export async function startPackageSite(folder: string, host: string): Promise<PackageSite> {
  const payload = testContent(1_300_000);
  const answers = new Map<string, TestAnswer>();
  const put = (path: string, content: Uint8Array | string, type: string): void => {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    answers.set(path, { content: bytes, headers: { "content-type": type } });
  };
  put("/files/plain.bin", payload, "application/octet-stream");
  await putWheel(folder, payload, put);
  await putNpm({ folder, host, payload, put });
  if (missingTool("dpkg-deb") === false) await putDeb(folder, payload, put);
  putLfs(`http://${host}`, payload, put);
  putModel(payload, answers);
  const origin = await TestOrigin.start({ script: (_nth, { url }) => answers.get(url) ?? { status: 404 } });
  return {
    origin,
    payload,
    sentBytes: (path) =>
      origin.requests.filter(({ url }) => url === path).reduce((sum, { sentBytes }) => sum + sentBytes, 0),
    has: (path) => answers.get(path)?.content ?? new Uint8Array(),
  };
}

type Put = (path: string, content: Uint8Array | string, type: string) => void;

const run = promisify(execFile);

/** A wheel is a zip file; Python, which wants it, writes it. */
async function putWheel(folder: string, payload: Uint8Array, put: Put): Promise<void> {
  const name = "demo-1.0-py3-none-any.whl";
  await writeFile(join(folder, "payload.bin"), payload);
  const script = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[2], "w") as wheel:
    wheel.write(sys.argv[1], "demo/payload.bin")
    wheel.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n")
    wheel.writestr("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("demo-1.0.dist-info/RECORD", "")
`;
  if (missingTool("python3") !== false) return;
  await run("python3", ["-c", script, join(folder, "payload.bin"), join(folder, name)]);
  const wheel = await readFile(join(folder, name));
  put(`/files/${name}`, wheel, "application/zip");
  const link = `<a href="/files/${name}#sha256=${hex("sha256", wheel)}">${name}</a>`;
  put("/simple/demo/", `<!DOCTYPE html><html><body>${link}</body></html>`, "text/html");
}

async function putNpm(site: { folder: string; host: string; payload: Uint8Array; put: Put }): Promise<void> {
  const root = join(site.folder, "npm", "package");
  await mkdir(root, { recursive: true });
  const manifest = { name: "demo", version: "1.0.0" };
  await writeFile(join(root, "package.json"), JSON.stringify(manifest));
  await writeFile(join(root, "payload.bin"), site.payload);
  const tarball = join(site.folder, "demo-1.0.0.tgz");
  await run("tar", ["-czf", tarball, "-C", join(site.folder, "npm"), "package"]);
  const bytes = await readFile(tarball);
  const path = "/files/demo-1.0.0.tgz";
  site.put(path, bytes, "application/octet-stream");
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  for (const scheme of ["http", "https"]) {
    const version = { ...manifest, dist: { tarball: `${scheme}://${site.host}${path}`, integrity } };
    const document = { name: "demo", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } };
    site.put(`/${scheme}/demo`, JSON.stringify(document), "application/json");
  }
}

async function putDeb(folder: string, payload: Uint8Array, put: Put): Promise<void> {
  const root = join(folder, "deb");
  await mkdir(join(root, "DEBIAN"), { recursive: true });
  await mkdir(join(root, "opt"), { recursive: true });
  const control =
    "Package: demo\nVersion: 1.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.com>\nDescription: demo\n";
  await writeFile(join(root, "DEBIAN", "control"), control);
  await writeFile(join(root, "opt", "payload.bin"), payload);
  await run("dpkg-deb", ["--build", "--root-owner-group", root, join(folder, "demo_1.0_all.deb")]);
  const deb = await readFile(join(folder, "demo_1.0_all.deb"));
  put("/apt/files/demo_1.0_all.deb", deb, "application/vnd.debian.binary-package");
  const packages = `${control}Filename: ./files/demo_1.0_all.deb\nSize: ${deb.length}\nSHA256: ${hex("sha256", deb)}\n`;
  put("/apt/Packages", packages, "text/plain");
  const digests = `SHA256:\n ${hex("sha256", Buffer.from(packages))} ${packages.length} Packages\n`;
  const release = `Date: ${new Date().toUTCString().replace("GMT", "UTC")}\n${digests}`;
  put("/apt/Release", release, "text/plain");
}

/** The batch API, for its one object. */
function putLfs(base: string, payload: Uint8Array, put: Put): void {
  const oid = hex("sha256", payload);
  const actions = { download: { href: `${base}/files/lfs/${oid}`, header: { Authorization: "RemoteAuth of-ada" } } };
  const answer = { transfer: "basic", objects: [{ oid, size: payload.length, authenticated: true, actions }] };
  put("/lfs/objects/batch", JSON.stringify(answer), "application/vnd.git-lfs+json");
  put(`/files/lfs/${oid}`, payload, "application/octet-stream");
}

/** As the Hugging Face hub has a small file: what it is, it says to HEAD. */
function putModel(payload: Uint8Array, answers: Map<string, TestAnswer>): void {
  const headers = { "x-repo-commit": "0".repeat(40), "content-disposition": 'inline; filename="model.bin"' };
  const etag = `"${hex("sha1", payload)}"`;
  answers.set("/files/team/demo/resolve/main/model.bin", { content: payload, etag, headers });
}

function hex(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest("hex");
}
