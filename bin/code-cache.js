// What V8 made of the programs' text, kept between runs: a start compiles little, and what a first run learned to need is there at once.
// Node 22 and later do that by themselves and are told where; Node 20 has the means (`cachedData` of `vm.Script`) and not the habit.

const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } = require("node:fs");
const nodeModule = require("node:module");
const { homedir } = require("node:os");
const { basename, dirname, join } = require("node:path");
const { deserialize, serialize } = require("node:v8");
const vm = require("node:vm");

/** Who runs so long has compiled what a start needs, and keeps it then. */
const settledMs = 60_000;

/**
 * Programs that are required from now on come from what is kept, one file for each `name`. `keeps` says whether this run teaches: what it
 * compiled is kept when it ends well. Nothing is read or written where another user could have written, since who writes there
 * decides what runs here; nor with NODE_DISABLE_COMPILE_CACHE. NODE_COMPILE_CACHE is another place, as it is for Node.
 *
 * @param {string} programs their folder
 * @param {string} name
 * @param {boolean} keeps
 */
exports.useCodeCache = (programs, name, keeps) => {
  const folder = placeOf(process.env);
  if (process.env.NODE_DISABLE_COMPILE_CACHE || !isOurs(folder, keeps)) return;
  if (nodeModule.enableCompileCache !== undefined) nodeModule.enableCompileCache(folder);
  else keepByOurselves(programs, join(folder, `${name}.code`), keeps);
};

/** The first of these is systemd's, for `CacheDirectory=`. */
function placeOf({ NODE_COMPILE_CACHE, CACHE_DIRECTORY, XDG_CACHE_HOME }) {
  const users = () => XDG_CACHE_HOME || (process.getuid?.() === 0 ? "/var/cache" : join(homedir(), ".cache"));
  return NODE_COMPILE_CACHE || CACHE_DIRECTORY || join(users(), "dragonfly");
}

function isOurs(folder, isToBe) {
  try {
    if (isToBe) mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(folder);
    return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
  } catch {
    return false;
  }
}

function keepByOurselves(programs, file, keeps) {
  const kept = readAll(file);
  const loaded = new Map();
  let isNew = false;
  nodeModule._extensions[".cjs"] = (module, filename) => {
    if (dirname(filename) !== programs) return nodeModule._extensions[".js"](module, filename);
    const source = nodeModule.wrap(readFileSync(filename, "utf8"));
    const { code, digest } = kept.get(basename(filename)) ?? {};
    const cachedData = code !== undefined && digest === digestOf(source, code) ? code : undefined;
    const script = new vm.Script(source, { filename, cachedData });
    isNew ||= cachedData === undefined || script.cachedDataRejected;
    loaded.set(basename(filename), { source, script });
    const require = nodeModule.createRequire(filename);
    script.runInThisContext().call(module.exports, module.exports, require, module, filename, programs);
  };
  const keep = () => {
    if (keeps && isNew) writeAll(file, loaded);
    isNew = false;
  };
  // V8 lets go of what it has not run for long: of a daemon's start little would be left at its end.
  setTimeout(keep, settledMs).unref();
  process.on("exit", (exitCode) => {
    if (exitCode === 0) keep();
  });
}

/** Of V8's code, and of all that it is right for but V8's own version and flags, which V8 looks at. */
function digestOf(source, code) {
  return createHash("sha256").update(source).update(code).digest("hex");
}

function readAll(file) {
  try {
    const kept = deserialize(readFileSync(file));
    if (kept instanceof Map) return kept;
  } catch {
    // None yet, or half of one.
  }
  return new Map();
}

/** Not at once: functions are compiled when they are first called. A run that cannot keep anything is a run like any other. */
function writeAll(file, loaded) {
  const temporary = `${file}.${process.pid}`;
  try {
    const kept = new Map();
    for (const [name, { source, script }] of loaded) {
      const code = script.createCachedData();
      kept.set(name, { code, digest: digestOf(source, code) });
    }
    writeFileSync(temporary, serialize(kept), { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
}
