// Prints the bill of materials (CycloneDX 1.5) from package-lock.json: what is installed in production is required; what only the build
// uses, or puts into our own files, is optional.

import { readFile } from "node:fs/promises";

const read = async (name) => JSON.parse(await readFile(new URL(`../${name}`, import.meta.url), "utf8"));
const [{ name, version }, { packages }] = await Promise.all([read("package.json"), read("package-lock.json")]);

const components = Object.entries(packages).flatMap(([path, locked]) => {
  if (path === "") return [];
  const called = path.split("node_modules/").at(-1);
  const purl = `pkg:npm/${called.replace("@", "%40")}@${locked.version}`;
  const [, hash = ""] = /^sha512-(\S+)$/.exec(locked.integrity) ?? [];
  return {
    type: "library",
    "bom-ref": path,
    name: called,
    version: locked.version,
    scope: locked.dev === true ? "optional" : "required",
    purl,
    hashes: [{ alg: "SHA-512", content: Buffer.from(hash, "base64").toString("hex") }],
    ...(locked.license === undefined ? {} : { licenses: [{ expression: locked.license }] }),
  };
});
const component = { type: "application", "bom-ref": name, name, version, purl: `pkg:npm/${name}@${version}` };
const bom = { bomFormat: "CycloneDX", specVersion: "1.5", version: 1, metadata: { component }, components };
process.stdout.write(`${JSON.stringify(bom, null, 2)}\n`);
