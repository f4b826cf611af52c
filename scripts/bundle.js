// Part of `npm run build`: puts the code of some libraries into the files that load them, with their licences beside, so that whoever
// installs the package gets two files where there would be thirty packages; the console's code and libraries into what the page loads;
// each program into few files, because finding and reading hundreds of small ones costs more than most commands do; and the manual page.

import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { rolldown } from "rolldown";

/** Below src/ and dist/: the first three do nothing but hand on what libraries export. */
const entries = [
  { input: "cli/progress-bar.ts", output: "cli/progress-bar", platform: "node" },
  { input: "net/x509-classes.ts", output: "net/x509-classes", platform: "node" },
  { input: "runtime/otlp-classes.ts", output: "runtime/otlp-classes", platform: "node" },
  { input: "console/main.tsx", output: "console/console", platform: "browser", tsconfig: "src/console/tsconfig.json" },
];

/** Spans are told by few: who does not pays nothing for the code. */
const tracerApart = {
  name: "tracer-apart",
  resolveId: (id, importer) =>
    importer !== undefined && id.endsWith("/otlp-tracer.js") ? { id: "./otlp-tracer.cjs", external: true } : null,
};

process.chdir(new URL("..", import.meta.url).pathname);
await Promise.all(entries.map(bundle));
const styles = ["node_modules/uplot/dist/uPlot.min.css", "src/console/style.css"];
const texts = await Promise.all(styles.map((path) => readFile(path, "utf8")));
await writeFile("dist/console/console.css", texts.join("\n"));
for (const name of ["index.html", "icon.svg"]) await copyFile(`src/console/${name}`, `dist/console/${name}`);
// Chunks of earlier builds have other names and would stay.
await rm("dist/programs", { recursive: true, force: true });
// From what is compiled and bundled by now. `dfget` is one file; what only some commands of `dragonfly` need is read when one is given.
await program({ dfget: "dist/cli/dfget.js" }, { codeSplitting: false });
await program({ "otlp-tracer": "dist/runtime/otlp-tracer.js" }, { codeSplitting: false });
await program({ dragonfly: "dist/cli/main.js" }, { codeSplitting: true });
await mkdir("dist/man", { recursive: true });
// Nothing of a build is kept among what this user's programs keep.
const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" };
await writeFile("dist/man/dragonfly.1", execFileSync(process.execPath, ["bin/dragonfly.js", "man"], { env }));
for (const name of ["dfget", "dfdaemon"]) await writeFile(`dist/man/${name}.1`, ".so man1/dragonfly.1\n");

async function program(input, { codeSplitting }) {
  // Optional parts of `ws` that are not among the dependencies, and one of fastify that comes without the text of its licence.
  const external = ["bufferutil", "utf-8-validate", "abstract-logging"];
  const plugins = [tracerApart];
  const build = await rolldown({
    input,
    platform: "node",
    external,
    plugins,
    checks: { eval: false },
    logLevel: "warn",
  });
  const dir = "dist/programs";
  const names = { entryFileNames: "[name].cjs", chunkFileNames: "[name]-[hash].cjs" };
  // Comments are a tenth of the package. Names and lines stay: what a crash shows is to be read.
  const { output } = await build.write({
    dir,
    format: "cjs",
    ...names,
    codeSplitting,
    // Kept code (`bin/code-cache.js`) has forgotten how to import.
    dynamicImportInCjs: false,
    keepNames: true,
    comments: false,
  });
  await build.close();
  await writeLicences(`${dir}/${Object.keys(input)[0]}`, output);
}

async function bundle({ input, output: name, ...options }) {
  const file = `dist/${name}.js`;
  const build = await rolldown({ ...options, input: `src/${input}`, logLevel: "warn" });
  const { output } = await build.write({ file, format: "esm", codeSplitting: false, minify: true });
  await build.close();
  await writeLicences(`dist/${name}`, output);
}

async function writeLicences(file, output) {
  const modules = output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
  const texts = await Promise.all([...new Set(modules.flatMap(packageOf))].sort().map(licenceOf));
  if (texts.length === 0) return;
  await writeFile(`${file}.LICENSE.txt`, texts.join(`\n${"-".repeat(80)}\n\n`));
}

/** The folder of the package that a module is of; none for our own. */
function packageOf(module) {
  const [, folder] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module) ?? [];
  return folder === undefined ? [] : [folder];
}

async function licenceOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((one) => /^(?:licen[cs]e|copying)/i.test(one));
  if (file === undefined)
    throw new Error(`${name} has no text of its licence: it cannot be put into ${dirname(folder)}`);
  return `${name} ${version} (${license})\n\n${await readFile(join(folder, file), "utf8")}`;
}
