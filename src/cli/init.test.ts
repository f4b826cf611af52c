import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { ConfigTree } from "../engine/config-tree.ts";
import { engines } from "../engine/engines.ts";
import type { Edit } from "../engine/init.ts";
import { conclusion } from "./init-report.ts";
import type { Io } from "./io.ts";
import { main } from "./main.ts";

type Outcome = readonly [exit: number, stdout: string, stderr: string];

interface Machine {
  readonly root: string;
  /** `dragonfly init` with this root, without a terminal. */
  init(...args: readonly string[]): Promise<Outcome>;
  /** On a terminal where this is typed; null closes it. */
  answer(typed: string | null, ...args: readonly string[]): Promise<Outcome>;
  read(path: string): Promise<string | undefined>;
}

async function onMachine(files: Readonly<Record<string, string>>, use: (machine: Machine) => Promise<void>) {
  const root = await mkdtemp(join(tmpdir(), "dragonfly-init-"));
  const run = async (args: readonly string[], typed?: string | null): Promise<Outcome> => {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const isTTY = typed !== undefined;
    const io: Io = {
      stdin: Object.assign(stdin, { isTTY }),
      stdout: Object.assign(stdout, { isTTY }),
      stderr,
      env: { HOME: "/home/ada", DRAGONFLY_PROXY: "127.0.0.1:1" },
      signals: new EventEmitter(),
      leave: () => assert.fail("left"),
      program: "/none",
    };
    stdin.end(typed ?? "");
    const exit = await main({ program: "dragonfly" }, ["init", "--root", root, ...args], io);
    const shown = (stream: PassThrough): string => String(stream.read() ?? "").replaceAll(root, "ROOT");
    return [exit, shown(stdout), shown(stderr)];
  };
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(root, path, ".."), { recursive: true });
      await writeFile(join(root, path), text);
    }
    await use({
      root,
      init: (...args) => run(args),
      answer: (typed, ...args) => run(args, typed),
      read: (path) => readFile(join(root, path), "utf8").catch(() => undefined),
    });
  } finally {
    await rm(root, { recursive: true });
  }
}

const daemonJson = "etc/docker/daemon.json";
const dockerEdit = `--- ROOT/etc/docker/daemon.json
+++ ROOT/etc/docker/daemon.json
@@ -1,3 +1,4 @@
 {
+  "registry-mirrors": ["http://127.0.0.1:65001"],
   "debug": true
 }
`;
const note = "Docker asks mirrors for images of docker.io only, and docker.io itself when no mirror answers\n";

test("the edit is shown, made, not made twice, and taken back", async () => {
  const before = '{\n  "debug": true\n}\n';
  await onMachine({ [daemonJson]: before }, async ({ init, read }) => {
    const dry = await init("docker", "--dry-run");
    assert.deepEqual(dry, [0, `${dockerEdit}${note}dry run: nothing was changed\n`, ""]);
    assert.equal(await read(daemonJson), before);

    const done = "edited ROOT/etc/docker/daemon.json, as it was in ROOT/etc/docker/daemon.json.before-dragonfly\n";
    assert.deepEqual(await init("docker", "--yes"), [0, `${dockerEdit}${note}${done}`, ""]);
    assert.deepEqual(await init("docker"), [0, "nothing to do: docker uses the mirror already\n", ""]);

    const [exit, shown] = await init("docker", "--undo", "--yes");
    assert.equal(exit, 0);
    assert.match(shown, /^- {2}"registry-mirrors": \["http:\/\/127\.0\.0\.1:65001"\],$/m);
    assert.match(shown, /\ntaken back ROOT\/etc\/docker\/daemon\.json\n$/);
    assert.equal(await read(daemonJson), before);
    assert.equal(await read(`${daemonJson}.before-dragonfly`), undefined);
    assert.deepEqual(await init("docker", "--undo"), [0, "nothing to do: there is no edit to take back\n", ""]);
  });
});

test("nothing is edited without being asked for: by --yes, or on a terminal", async () => {
  await onMachine({}, async ({ init, answer, read }) => {
    const nobody = "dragonfly init: nobody can be asked here: say --yes to edit, or --dry-run to look only\n";
    const [exit, , stderr] = await init("docker");
    assert.deepEqual([exit, stderr], [2, nobody]);
    assert.deepEqual(await init("docker", "--json"), [2, "", nobody]);
    for (const typed of ["n\n", "\n", null]) {
      const [refused, , said] = await answer(typed, "docker");
      assert.equal(refused, 8);
      assert.match(said, /edit so\? \[y\/N\] .*dragonfly init: nothing was changed\n$/s);
    }
    assert.equal(await read(daemonJson), undefined);
    const [agreed] = await answer("y\n", "docker");
    assert.equal(agreed, 0);
    assert.match((await read(daemonJson)) ?? "", /65001/);
  });
});

test("--json prints one object", async () => {
  await onMachine({ "etc/containerd/config.toml": "version = 2\n" }, async ({ init }) => {
    const [exit, stdout, stderr] = await init("containerd", "--json", "--yes", "--registry", "r.example");
    assert.deepEqual([exit, stderr], [0, ""]);
    const { files, ...rest } = JSON.parse(stdout);
    assert.deepEqual(rest, { engine: "containerd", status: "edited", notes: [] });
    assert.deepEqual(
      files.map(({ path, action, backup }: Record<string, string>) => [path, action, backup]),
      [
        ["ROOT/etc/containerd/config.toml", "edit", "ROOT/etc/containerd/config.toml.before-dragonfly"],
        ["ROOT/etc/containerd/certs.d/r.example/hosts.toml", "create", undefined],
      ],
    );
    assert.match(files[1].diff, /^\+server = "https:\/\/r\.example"$/m);
    assert.equal(JSON.parse((await init("containerd", "--json", "--registry", "r.example"))[1]).status, "unchanged");
    assert.equal(JSON.parse((await init("containerd", "--json", "--dry-run"))[1]).status, "planned");
    assert.equal(JSON.parse((await init("containerd", "--json", "--undo", "-y"))[1]).status, "undone");
  });
});

test("the mirror is where the daemon of that root has its proxy", async () => {
  const config = (text: string) => ({ "etc/dragonfly/daemon.yaml": text });
  const cases: readonly (readonly [yaml: string, shown: RegExp])[] = [
    ["proxy: 0.0.0.0:7000\ninsecure: true\n", /"http:\/\/127\.0\.0\.1:7000"/],
    ['proxy: "[::1]:7000"\n', /"http:\/\/\[::1\]:7000"/],
  ];
  for (const [yaml, shown] of cases) {
    await onMachine(config(yaml), async ({ init }) => {
      assert.match((await init("docker", "--dry-run"))[1], shown);
    });
  }
  await onMachine(config("proxy: off\n"), async ({ init, root }) => {
    const [exit, , stderr] = await init("docker", "--yes");
    assert.equal(exit, 2);
    assert.match(stderr, /has its proxy off: set proxy to HOST:PORT, or say --mirror URL\n$/);
    assert.match((await init("docker", "--dry-run", "--mirror", "https://M.example/"))[1], /"https:\/\/m\.example"/);
    await writeFile(join(root, "other.yaml"), "proxy: 127.0.0.1:7001\n");
    assert.match((await init("docker", "--dry-run", "--config", join(root, "other.yaml")))[1], /127\.0\.0\.1:7001/);
  });
});

test("podman mirrors the registry that the daemon does, and is not told another", async () => {
  const files = { "etc/dragonfly/daemon.yaml": "registry: https://r.example:5000\n" };
  await onMachine(files, async ({ init }) => {
    const [exit, stdout] = await init("podman", "--dry-run");
    assert.equal(exit, 0);
    assert.match(stdout, /^\+prefix = "r\.example:5000"$/m);
    const [refused, , stderr] = await init("crio", "--dry-run", "--registry", "quay.io");
    assert.equal(refused, 2);
    assert.match(
      stderr,
      /^dragonfly init: quay\.io: crio does not tell a mirror which .* is r\.example:5000: [^\n]+\n$/,
    );
    const elsewhere = await init("crio", "--dry-run", "--registry", "quay.io", "--mirror", "http://10.0.0.1:5000");
    assert.match(elsewhere[1], /^\+prefix = "quay\.io"$/m);
  });
});

test("podman reaches what the daemon is configured for by its name, Docker's engine and names with a port do not", async () => {
  const configured = ["quay.io", "docker.io", "r.example:5000"].map((host) => `  - host: ${host}\n`).join("");
  const files = { "etc/dragonfly/daemon.yaml": `registry: https://d.example\nregistries:\n${configured}` };
  await onMachine(files, async ({ init }) => {
    const [exit, stdout] = await init("podman", "--dry-run", "--registry", "d.example", "--registry", "quay.io");
    assert.equal(exit, 0);
    assert.match(stdout, /^\+location = "127\.0\.0\.1:65001"$/m);
    assert.match(stdout, /^\+location = "127\.0\.0\.1:65001\/quay\.io"$/m);
    for (const [engine, host] of [
      ["docker", "docker.io"],
      ["crio", "r.example:5000"],
      ["podman", "x.example"],
    ] as const) {
      const [refused, , stderr] = await init(engine, "--dry-run", "--registry", host);
      assert.equal(refused, 2);
      assert.match(stderr, / does not tell a mirror which registry it means, and the daemon's is d\.example: /);
    }
  });
});

test("on this machine it says how the engine reads its files again, where that is needed", () => {
  const reportOn = (name: string, path: string): string => {
    const engine = engines.find((one) => one.name === name) ?? assert.fail(name);
    const edit: Edit = {
      ...{ purpose: "undo", notes: [], recordPath: "/r", oldRecord: undefined, edits: [], originals: new Map() },
      changes: [{ path, before: "a", after: "b" }],
    };
    const config = { registries: undefined, mirror: undefined, root: "/" };
    const asked = { ...config, dryRun: false, undo: true, yes: true, json: false };
    return conclusion({ engine, config: asked, tree: new ConfigTree("/"), edit });
  };
  assert.equal(
    reportOn("docker", "/etc/docker/daemon.json"),
    "taken back /etc/docker/daemon.json\nnow run: systemctl reload docker\n",
  );
  assert.match(reportOn("containerd", "/etc/containerd/config.toml"), /now run: systemctl restart containerd\n$/);
  assert.equal(reportOn("containerd", "/x/hosts.toml"), "taken back /x/hosts.toml\n");
  assert.equal(reportOn("podman", "/x.conf"), "taken back /x.conf\n");
});

const refusals: readonly (readonly [args: readonly string[], why: RegExp])[] = [
  [[], /no engine: say one of docker, containerd, crio, podman/],
  [["rkt"], /unknown engine "rkt": say one of/],
  [
    ["docker", "--registry", "quay.io", "--mirror", "http://m"],
    /quay\.io: Docker's engine has mirrors for docker\.io only/,
  ],
  [
    ["podman", "--registry", "a", "--registry", "b", "--mirror", "http://m"],
    /name one, and others that the daemon is configured for/,
  ],
  [["docker", "--registry", "../x"], /"\.\.\/x" is not a registry: write HOST or HOST:PORT/],
  [["containerd", "--registry", "a/b"], /"a\/b" is not a registry/],
  [["docker", "--mirror", "http://m/v2"], /without a path/],
  [["docker", "--mirror", "m:5000"], /is not a mirror: write http:\/\/HOST:PORT/],
  [["docker", "--mirror", 'http://m"]:1'], /is not an address|is not a mirror/],
  [["docker", "--undo", "--registry", "a"], /--undo takes back everything/],
  [["docker", "--yes", "--dry-run"], /contradict each other/],
];

for (const [args, why] of refusals) {
  test(`refused in one line: init ${args.join(" ")}`, async () => {
    await onMachine({}, async ({ init }) => {
      const [exit, stdout, stderr] = await init(...args);
      assert.deepEqual([exit, stdout], [2, ""]);
      assert.match(stderr, /^dragonfly init: [^\n]+\n$/);
      assert.match(stderr, why);
    });
  });
}

test("a root that is no directory is refused", async () => {
  await onMachine({ file: "" }, async ({ init, root }) => {
    const [exit, , stderr] = await init("docker", "--root", join(root, "file"));
    assert.equal(exit, 2);
    assert.match(stderr, /ROOT\/file is no directory\n$/);
  });
});
