import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { supernodeUrl } from "./address.ts";
import {
  loadConfig,
  parseDaemonOptions,
  parseOptions,
  parseSupernodeOptions,
  roles,
  type Surroundings,
} from "./config.ts";
import { daemonSchema } from "./daemon-config.ts";
import { getSchema } from "./get-config.ts";
import type { Given } from "./resolve-settings.ts";
import { camelCase } from "./setting.ts";
import { supernodeSchema } from "./supernode-config.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "config-"));
});
after(() => rm(directory, { recursive: true }));

const flags = (given: Readonly<Record<string, unknown>>): readonly Given[] =>
  Object.entries(given).map(([name, raw]) => ({ name, raw, source: `--${name}` }));

const around = (env: Surroundings["env"] = {}, root = false): Surroundings => ({
  env,
  place: { home: "/home/ada", root, etc: directory },
});

async function fileWith(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

test("with nothing given a supernode has its defaults", async () => {
  assert.deepEqual(await loadConfig(supernodeSchema, [], around()), {
    listen: { host: "127.0.0.1", port: 8002 },
    dataDir: "/home/ada/.dragonfly/supernode",
    originLimitBytesPerSecond: 0,
    uploadLimitBytesPerSecond: 0,
    quotaBytes: 0,
    freshnessMs: 3000,
    fetchRules: [],
    registries: [],
    insecure: false,
    certificateLifeMs: 86_400_000,
    logLevel: "info",
    logFormat: "text",
  });
});

test("root's daemon lives in the system's directories", async () => {
  const config = await loadConfig(daemonSchema, [], around({}, true));
  assert.equal(config.dataDir, "/var/lib/dragonfly/daemon");
  assert.equal(config.socket, "/run/dragonfly/daemon.sock");
  assert.deepEqual(config.supernodes, []);
  assert.deepEqual(config.proxy, { host: "127.0.0.1", port: 65001 });
});

test("a flag wins over the environment, that over the file, that over the default", async () => {
  const config = await fileWith(
    "order.yaml",
    "quota: 1GB\nupload-limit: 1MB/s\norigin-limit: 1MB/s\nlog-level: warn\n",
  );
  const env = { DRAGONFLY_UPLOAD_LIMIT: "2MB/s", DRAGONFLY_ORIGIN_LIMIT: "2MB/s" };
  const loaded = await loadConfig(supernodeSchema, flags({ config, "origin-limit": "3MB/s" }), around(env));
  assert.equal(loaded.originLimitBytesPerSecond, 3e6);
  assert.equal(loaded.uploadLimitBytesPerSecond, 2e6);
  assert.equal(loaded.quotaBytes, 1e9);
  assert.equal(loaded.logLevel, "warn");
  assert.equal(loaded.freshnessMs, 3000);
});

test("the role's file is read when it is there, and both spellings of a key are understood", async () => {
  await fileWith("daemon.yaml", "supernodes: [one, 'two:9000']\nidleExit: 5m\nproxy: off\ntotallimit: 20M\n");
  try {
    const config = await loadConfig(daemonSchema, [], around());
    assert.deepEqual(config.supernodes, ["http://one:8002", "http://two:9000"]);
    assert.equal(config.idleExitMs, 300_000);
    assert.equal(config.proxy, null);
    assert.equal(config.downloadLimitBytesPerSecond, 20 * 2 ** 20);
    assert.equal(config.uploadLimitBytesPerSecond, 20 * 2 ** 20);
  } finally {
    await rm(join(directory, "daemon.yaml"));
  }
});

test("all faults are told in one message, each with its source", async () => {
  const config = await fileWith("faults.yaml", "# comment\nuplod-limit: 5M\nquota: 12X\nurl: http://h/f\n");
  const given = flags({ config, "idle-exit": "5", listem: "x" });
  await assert.rejects(loadConfig(daemonSchema, given, around({ DRAGONFLY_SUPERNODE: "ftp://x" })), (error) => {
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, "bad-config");
    assert.deepEqual(error.message.split("; "), [
      "--listem: unknown flag, did you mean --listen?",
      `${config}:2: unknown key "uplod-limit", did you mean "upload-limit"?`,
      `${config}:4: unknown key "url"`,
      'DRAGONFLY_SUPERNODE: "ftp://x" is not a supernode: ftp:// is not spoken, write http://HOST:8002',
      `${config}:3: "12X" is not a size: write 64MiB, 200MB or 10G`,
      '--idle-exit: "5" is not a duration: write 250ms, 30s, 5m or 1h30m',
    ]);
    return true;
  });
});

test("a file that is asked for must be there, be YAML and be a mapping", async () => {
  const load = (config: string) => loadConfig(daemonSchema, flags({ config }), around());
  await assert.rejects(load(join(directory, "none.yaml")), /none\.yaml: there is no such file/);
  await assert.rejects(load(await fileWith("broken.yaml", "a: 1\nb: [\n")), /broken\.yaml:\d+: /);
  await assert.rejects(load(await fileWith("list.yaml", "- a\n")), /list\.yaml: not a mapping/);
  await assert.rejects(
    load(await fileWith("config.yaml", "config: x\n")),
    /config\.yaml:1: config is no key for a file/,
  );
  assert.equal((await load(await fileWith("empty.yaml", "# nothing\n"))).quotaBytes, 0);
});

test("two settings of one place that set the same limit are a contradiction", async () => {
  const given = flags({ totallimit: "1M", "upload-limit": "2M" });
  await assert.rejects(
    loadConfig(daemonSchema, given, around()),
    /--totallimit and --upload-limit contradict each other/,
  );
  const layered = await loadConfig(
    daemonSchema,
    flags({ "upload-limit": "2MB" }),
    around({ DRAGONFLY_TOTALLIMIT: "1MB" }),
  );
  assert.equal(layered.uploadLimitBytesPerSecond, 2e6);
  assert.equal(layered.downloadLimitBytesPerSecond, 1e6);
});

test("a mistyped variable is refused, another role's and Kubernetes' own are not", async () => {
  const others = {
    DRAGONFLY_ORIGIN_LIMIT: "1M",
    DRAGONFLY_SERVICE_HOST: "10.0.0.1",
    DRAGONFLY_SERVICE_PORT_HTTP: "8002",
    DRAGONFLY_PORT_8002_TCP_ADDR: "10.0.0.1",
    DRAGONFLY_SUPERNODE_PORT: "tcp://10.0.0.1:8002",
  };
  assert.equal((await loadConfig(daemonSchema, [], around(others))).quotaBytes, 0);
  await assert.rejects(loadConfig(daemonSchema, [], around({ DRAGONFLY_QOUTA: "1G" })), {
    message: "DRAGONFLY_QOUTA: unknown variable, did you mean DRAGONFLY_QUOTA?",
  });
});

test("the proxy port, which speaks plain HTTP, is open to other machines only where --insecure says so", async () => {
  const load = (given: Readonly<Record<string, unknown>>) => loadConfig(daemonSchema, flags(given), around());
  await assert.rejects(load({ proxy: "[::]:65001" }), /--proxy: \[::\]:65001 is open to other machines/);
  for (const proxy of ["127.0.0.1:0", "127.9.9.9:1", "[::1]:0", "localhost:0"]) await load({ proxy });
  assert.deepEqual((await load({ listen: ":65002", insecure: true })).listen, { host: "0.0.0.0", port: 65002 });
});

test("further contradictions of a daemon are refused", async () => {
  const load = (given: Readonly<Record<string, unknown>>) => loadConfig(daemonSchema, flags(given), around());
  await assert.rejects(
    load({ registry: "https://r.example", proxy: "off" }),
    /--registry: .* proxy port, which is off/,
  );
  await assert.rejects(load({ listen: "127.0.0.1:65001" }), /the pieces are served on 127\.0\.0\.1:65001 already/);
  await assert.rejects(load({ advertise: "0.0.0.0:1" }), /--advertise: 0\.0\.0\.0:1 cannot be dialled/);
  await assert.rejects(load({ registry: "https://u:p@r.example" }), (error) => !String(error).includes("u:p"));
});

test("a socket path has at most 107 bytes", async () => {
  const fits = `/${"s".repeat(106)}`;
  assert.equal((await loadConfig(daemonSchema, flags({ socket: fits }), around())).socket, fits);
  await assert.rejects(
    loadConfig(daemonSchema, flags({ socket: `${fits}s` }), around()),
    /at most 107 bytes, this one has 108/,
  );
});

test("supernodes are named in many ways and known in one", () => {
  const table: readonly (readonly [string, string])[] = [
    ["supernode.example", "http://supernode.example:8002"],
    ["supernode.example:9", "http://supernode.example:9"],
    ["http://supernode.example:80/", "http://supernode.example:80"],
    ["HTTP://10.0.0.1", "http://10.0.0.1:8002"],
    ["[::1]:8002", "http://[::1]:8002"],
    ["http://[fd00::1]", "http://[fd00::1]:8002"],
  ];
  for (const [text, url] of table) assert.equal(supernodeUrl(text), url, text);
  for (const text of ["", "ftp://x", "http://x/path", "x:y", "u:p@x", "x:8002=2", "x:99999", "::1", "a b"]) {
    assert.throws(() => supernodeUrl(text), { code: "bad-config" }, text);
  }
});

test("the library gives camelCase keys, numbers or text with units", () => {
  const daemon = parseDaemonOptions({
    supernodes: ["supernode.example"],
    listen: { host: "127.0.0.1", port: 0 },
    proxy: null,
    uploadLimit: "200Mbps",
    downloadLimit: 1000,
    idleExit: 250,
    socket: "/tmp/d.sock",
    dataDir: "/tmp/d",
  });
  assert.deepEqual(daemon.supernodes, ["http://supernode.example:8002"]);
  assert.equal(daemon.proxy, null);
  assert.equal(daemon.uploadLimitBytesPerSecond, 25e6);
  assert.equal(daemon.downloadLimitBytesPerSecond, 1000);
  assert.equal(daemon.idleExitMs, 250);
  assert.deepEqual(parseSupernodeOptions({ listen: "127.0.0.1:0" }).listen, { host: "127.0.0.1", port: 0 });
  const wrong = { uplodLimit: 1 } as object;
  assert.throws(() => parseDaemonOptions(wrong), /uplodLimit: unknown option, did you mean uploadLimit\?/);
  assert.throws(() => parseSupernodeOptions({ quota: -1 }), /quota: "-1" is not a size/);
});

test("a download's flags become what is asked, and credentials are shown nowhere", () => {
  const config = parseOptions(getSchema, {
    url: "https://ada:secret@example.com/a%20b?x=1#part",
    header: ["Accept: text/plain", "accept: */*", "Cookie: a=1", "cookie: b=2"] as never,
    digest: `sha256:${"A".repeat(64)}`,
    md5: "0".repeat(32),
    range: "0-1023",
    filter: "key&sign",
    limit: "20M",
    timeout: "1h30m",
    noBackToSource: true,
  });
  assert.equal(config.url, "https://ada:secret@example.com/a%20b?x=1");
  assert.equal(config.displayUrl, "https://example.com/a%20b?x=1");
  assert.deepEqual(config.headers, { accept: "text/plain, */*", cookie: "a=1; b=2" });
  assert.deepEqual(
    config.digests.map(({ algorithm, hex }) => `${algorithm}:${hex.length}`),
    ["sha256:64", "md5:32"],
  );
  assert.deepEqual(config.range, { first: 0, last: 1023 });
  assert.deepEqual(config.filter, ["key", "sign"]);
  assert.equal(config.rateBytesPerSecond, 20 * 2 ** 20);
  assert.equal(config.timeoutMs, 5_400_000);
  assert.equal(config.backToSource, false);
});

test("a download's mistakes are refused without repeating secrets", () => {
  const table: readonly (readonly [Readonly<Record<string, unknown>>, string, RegExp])[] = [
    [{}, "bad-config", /no URL/],
    [{ url: "ftp://h/f" }, "unsupported-scheme", /ftp:\/\/ is not a scheme/],
    [{ url: "example.com/f" }, "bad-usage", /write https:\/\/example\.com\/f/],
    [{ url: "http://u:secret@ho st/" }, "bad-usage", /"http:\/\/ho st\/" is not a URL/],
    [{ url: "http://h/f", header: ["Authorization secret"] }, "bad-usage", /does not begin a header/],
    [{ url: "http://h/f", header: ["A: secret\0"] }, "bad-usage", /"A" does not begin a header/],
    [{ url: "http://h/f", header: ["Range: bytes=0-1"] }, "bad-usage", /use --range/],
    [{ url: "http://h/f", range: "5-1" }, "bad-usage", /is not a range/],
    [{ url: "http://h/f", digest: "sha256:12" }, "bad-usage", /sha256 has 64 digits, not 2/],
    [{ url: "http://h/f", digest: "crc32:12" }, "bad-usage", /is not a digest/],
    [{ url: "http://h/f", output: "-", json: true }, "bad-config", /--json and -o - contradict/],
    [{ url: "http://h/f", quiet: true, verbose: true }, "bad-config", /--quiet and --verbose contradict/],
  ];
  for (const [options, code, message] of table) {
    assert.throws(
      () => parseOptions(getSchema, options as never),
      (error) => {
        assert.ok(error instanceof Error && "code" in error);
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  }
});

test("every setting stands in its table under its own name, and no two flags of a role are the same", () => {
  for (const { role, settings } of roles) {
    const shorts = new Set<string>();
    for (const [key, { name, short }] of Object.entries(settings)) {
      assert.equal(key, camelCase(name), role);
      assert.ok(short === undefined || !shorts.has(short), `${role} has -${short} twice`);
      if (short !== undefined) shorts.add(short);
    }
  }
});
