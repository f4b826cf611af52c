import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { ConfigTree } from "./config-tree.ts";
import type { Engine, Mirror, Wish } from "./engine.ts";
import { engines } from "./engines.ts";
import { applyEdit, planInit, planUndo } from "./init.ts";

const daemonJson = "/etc/docker/daemon.json";
const configToml = "/etc/containerd/config.toml";
const hostsToml = "/etc/containerd/certs.d/docker.io/hosts.toml";
const registriesConf = "/etc/containers/registries.conf";

/** Files of machines as they are found, for each engine. */
const machines: Readonly<Record<string, readonly Readonly<Record<string, string>>[]>> = {
  docker: [
    {},
    { [daemonJson]: "" },
    { [daemonJson]: "{}" },
    { [daemonJson]: '{\n  "registry-mirrors": ["https://a.example"],\n  "log-opts": {"max-size": "10m"}\n}' },
    { [daemonJson]: '{\r\n\t"debug" : true\r\n}\r\n' },
  ],
  containerd: [
    {},
    { [configToml]: "# nothing\n" },
    {
      [configToml]:
        'version = 2\n\n[plugins]\n  [plugins."io.containerd.grpc.v1.cri"]\n    [plugins."io.containerd.grpc.v1.cri".cni]\n      bin_dir = "/usr/lib/cni"',
    },
    {
      [configToml]: 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "" # none yet\n',
      [hostsToml]: '# ours\nserver = "https://hub.example"\n\n[host."https://m.example"]\n  ca = "/x.crt"\n',
    },
    { [configToml]: "version = 3\r\n[debug]\r\n  level = 'info'\r\n", [hostsToml]: "" },
  ],
  podman: [
    {},
    { [registriesConf]: '# comment\nunqualified-search-registries = ["docker.io"]\n' },
    { [registriesConf]: '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "m.example"' },
    { [`${registriesConf}.d/60-x.conf`]: '[[registry]]\r\nprefix = "docker.io"\r\nlocation = "hub.example"\r\n' },
  ],
};

const mirrorAt = (authority: string): Mirror => ({ url: `http://${authority}`, authority, tls: false });
const wish: Wish = { mirror: mirrorAt("127.0.0.1:65001"), registries: [{ host: "docker.io", tls: true }] };

async function onMachine(
  files: Readonly<Record<string, string>>,
  use: (tree: ConfigTree, root: string) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "dragonfly-init-"));
  try {
    await mkdir(join(root, "var/lib"), { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(root, dirname(path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    await use(new ConfigTree(root), root);
  } finally {
    await rm(root, { recursive: true });
  }
}

/** Every file and directory, with what tells whether it was written. */
async function snapshot(root: string): Promise<readonly string[]> {
  const names = await readdir(root, { recursive: true });
  const lines = names.map(async (name) => {
    const { mode, ino } = await stat(join(root, name));
    const text = await readFile(join(root, name), "utf8").catch(() => undefined);
    return JSON.stringify([name, mode, text === undefined ? 0 : ino, text]);
  });
  return (await Promise.all(lines)).sort();
}

const withoutInodes = (lines: readonly string[]): readonly string[] =>
  lines.map((one) => one.replace(/,(\d+),\d+,/, ",$1,"));

const engineNamed = (name: string): Engine => engines.find((one) => one.name === name) ?? assert.fail(name);
const start = async (engine: Engine, tree: ConfigTree, to = wish): Promise<void> =>
  applyEdit(tree, await planInit(engine, tree, to));
const undo = async (engine: Engine, tree: ConfigTree): Promise<void> => applyEdit(tree, await planUndo(engine, tree));

for (const engine of engines) {
  for (const [at, files] of (machines[engine.name] ?? machines.podman ?? []).entries()) {
    test(`${engine.name} is pointed at the mirror and back, machine ${at}`, async () => {
      await onMachine(files, async (tree, root) => {
        const before = await snapshot(root);
        const edit = await planInit(engine, tree, wish);
        assert.deepEqual(await snapshot(root), before, "planning changes nothing");
        await applyEdit(tree, edit);
        for (const [path, text] of Object.entries(files)) {
          const edited = (await readFile(join(root, path), "utf8")) !== text;
          if (edited) assert.equal(await readFile(join(root, `${path}.before-dragonfly`), "utf8"), text);
        }
        const after = await snapshot(root);
        assert.notDeepEqual(withoutInodes(after), withoutInodes(before));

        const again = await planInit(engine, tree, wish);
        assert.deepEqual(again.changes, [], "a second time there is nothing to do");
        await applyEdit(tree, again);
        assert.deepEqual(await snapshot(root), after);

        await undo(engine, tree);
        assert.deepEqual(withoutInodes(await snapshot(root)), withoutInodes(before));
        assert.deepEqual((await planUndo(engine, tree)).changes, []);
      });
    });
  }
}

test("any line of runs with other wishes is undone exactly", async () => {
  const ports = fc.constantFrom("127.0.0.1:65001", "10.0.0.1:5000");
  const hosts = fc.uniqueArray(fc.constantFrom("docker.io", "quay.io", "r.example:5000"), { minLength: 1 });
  const run = fc.tuple(ports, hosts).map(([authority, names]) => ({
    mirror: mirrorAt(authority),
    registries: names.map((host) => ({ host, tls: true })),
  }));
  const machine = fc.constantFrom(...(machines.containerd ?? []));
  await fc.assert(
    fc.asyncProperty(machine, fc.array(run, { minLength: 1, maxLength: 4 }), async (files, runs) => {
      await onMachine(files, async (tree, root) => {
        const before = withoutInodes(await snapshot(root));
        const engine = engineNamed("containerd");
        for (const one of runs) await start(engine, tree, one);
        const after = withoutInodes(await snapshot(root)).filter((line) => !line.includes("dragonfly"));
        await undo(engine, tree);
        assert.deepEqual(withoutInodes(await snapshot(root)), before);
        const last = runs.at(-1);
        if (last !== undefined) await start(engine, tree, last);
        const once = withoutInodes(await snapshot(root)).filter((line) => !line.includes("dragonfly"));
        assert.deepEqual(once, after, "the last run alone counts");
      });
    }),
    { numRuns: 25 },
  );
});

test("what the user edits later stays when ours is taken back", async () => {
  const files = { [daemonJson]: '{\n  "registry-mirrors": [\n    "https://a"\n  ]\n}\n' };
  await onMachine(files, async (tree, root) => {
    const path = join(root, daemonJson);
    await start(engineNamed("docker"), tree);
    const edited = (await readFile(path, "utf8")).replace("{\n", '{\n  "debug": true,\n');
    await writeFile(path, edited);
    assert.deepEqual((await planInit(engineNamed("docker"), tree, wish)).changes, []);
    await undo(engineNamed("docker"), tree);
    assert.equal(await readFile(path, "utf8"), files[daemonJson]?.replace("{\n", '{\n  "debug": true,\n'));
  });
});

/** Later edits from which ours cannot be told apart. */
const conflicts: readonly (readonly [
  engine: string,
  path: string,
  before: string | undefined,
  change: (text: string) => string,
])[] = [
  ["docker", daemonJson, undefined, (text) => text.replace("]", ', "https://a"]')],
  ["docker", daemonJson, '{\n  "registry-mirrors": [\n  ]\n}\n', (text) => text.replace('01"]', '01", "https://a"]')],
  ["docker", daemonJson, '{\n  "debug": true\n}\n', (text) => text.replace(',\n  "debug": true', ',\n\n"debug": tru')],
  ["containerd", hostsToml, '[host."https://m"]\n', (text) => text.replace('"resolve"]\n', '"resolve"]\n  ca = "x"\n')],
  ["containerd", hostsToml, undefined, (text) => `${text}# mine\n`],
  ["podman", registriesConf, '[[registry]]\nlocation = "docker.io"\n', (text) => `${text}pull-from-mirror = "all"\n`],
];

for (const [name, path, before, change] of conflicts) {
  test(`an edit that cannot be told apart any more is left, in one line: ${name} ${before ?? "new"}`, async () => {
    await onMachine(before === undefined ? {} : { [path]: before }, async (tree, root) => {
      const engine = engineNamed(name);
      await start(engine, tree);
      const file = join(root, path);
      await writeFile(file, change(await readFile(file, "utf8")));
      const snapped = await snapshot(root);
      await assert.rejects(undo(engine, tree), {
        code: "bad-config",
        message: /^[^\n]+ so it is left as it is: [^\n]+$/,
      });
      assert.deepEqual(await snapshot(root), snapped);
    });
  });
}

test("what the user removed by hand is taken back already", async () => {
  const files = { [daemonJson]: '{"debug": true}', [registriesConf]: '[[registry]]\nlocation = "docker.io"\n' };
  await onMachine(files, async (tree, root) => {
    for (const [name, path, text] of [
      ["docker", daemonJson, '{"registry-mirrors": [], "debug": false}'],
      ["podman", registriesConf, "# all new\n"],
    ] as const) {
      await start(engineNamed(name), tree);
      await writeFile(join(root, path), text);
      await undo(engineNamed(name), tree);
      assert.equal(await readFile(join(root, path), "utf8"), text);
    }
    assert.ok(!(await snapshot(root)).some((line) => line.includes("dragonfly")), "no record, no backup");
  });
});

test("an edited file keeps its mode, and its backup has it too", async () => {
  await onMachine({ [daemonJson]: "{}" }, async (tree, root) => {
    await chmod(join(root, daemonJson), 0o600);
    await start(engineNamed("docker"), tree);
    for (const path of [daemonJson, `${daemonJson}.before-dragonfly`]) {
      assert.equal((await stat(join(root, path))).mode & 0o777, 0o600, path);
    }
  });
});

test("a file of ours that the user only wrote a comment into is left to the user", async () => {
  await onMachine({}, async (tree, root) => {
    await start(engineNamed("podman"), tree);
    const path = join(root, `${registriesConf}.d/50-dragonfly.conf`);
    await writeFile(path, `# mine\n${await readFile(path, "utf8")}`);
    const before = await snapshot(root);
    await start(engineNamed("podman"), tree);
    assert.deepEqual(await snapshot(root), before, "the mirror is there, so there is nothing to do");
  });
});

test("the record of an edit is for its owner only", async () => {
  await onMachine({}, async (tree, root) => {
    await start(engineNamed("docker"), tree);
    assert.equal((await stat(join(root, "var/lib/dragonfly/init/docker.json"))).mode & 0o777, 0o600);
  });
});

test("a backup that is not from a recorded run is never written over", async () => {
  const backup = `${daemonJson}.before-dragonfly`;
  await onMachine({ [daemonJson]: "{}", [backup]: '{"old": 1}' }, async (tree, root) => {
    const before = await snapshot(root);
    await assert.rejects(start(engineNamed("docker"), tree), /is there already, with another text/);
    assert.deepEqual(await snapshot(root), before);
  });
});

test("a run that ended before it wrote a file is undone, or done again", async () => {
  await onMachine({ [daemonJson]: "{}" }, async (tree, root) => {
    const engine = engineNamed("docker");
    const before = withoutInodes(await snapshot(root));
    await start(engine, tree);
    await writeFile(join(root, daemonJson), "{}");
    await start(engine, tree);
    assert.match(await readFile(join(root, daemonJson), "utf8"), /65001/);
    await writeFile(join(root, daemonJson), "{}");
    await undo(engine, tree);
    assert.deepEqual(withoutInodes(await snapshot(root)), before);
  });
});

test("a file that changed between plan and edit is left alone", async () => {
  await onMachine({ [daemonJson]: "{}" }, async (tree, root) => {
    const edit = await planInit(engineNamed("docker"), tree, wish);
    await writeFile(join(root, daemonJson), '{"debug": true}');
    await assert.rejects(applyEdit(tree, edit), /changed by somebody else just now/);
    assert.equal(await readFile(join(root, daemonJson), "utf8"), '{"debug": true}');
  });
});

test("a broken record is named, with what to do", async () => {
  await onMachine({ "/var/lib/dragonfly/init/docker.json": "{" }, async (tree) => {
    await assert.rejects(planUndo(engineNamed("docker"), tree), /docker\.json: it is no record of dragonfly init/);
  });
});
