import assert from "node:assert/strict";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import type { Mirror, Plan, Tree } from "./engine.ts";
import { addRegistryMirror, crio, podman } from "./podman.ts";
import { ownComment } from "./text-edit.ts";

const mirror: Mirror = { url: "http://127.0.0.1:65001", authority: "127.0.0.1:65001", tls: false };
const registry = { host: "docker.io", tls: true };
const ours = '[[registry.mirror]]\nlocation = "127.0.0.1:65001"\ninsecure = true\n';
const table = '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n';

const edits: readonly (readonly [name: string, before: string | undefined, after: string])[] = [
  ["no file", undefined, `${ownComment}\n${table}\n${ours}`],
  ["other settings", "short-name-mode = 'enforcing'", `short-name-mode = 'enforcing'\n\n${table}\n${ours}`],
  [
    "a table for the registry, with comments and others around it",
    '# mine\n[[registry]]\nlocation = "docker.io" # here\nblocked = false\n\n# another\n[[registry]]\nlocation = "quay.io"\n',
    `# mine\n[[registry]]\nlocation = "docker.io" # here\nblocked = false\n\n${ours}\n# another\n[[registry]]\nlocation = "quay.io"\n`,
  ],
  [
    "a table with mirrors",
    `[[registry]]\nprefix = "docker.io"\nlocation = "hub.example/x"\n# near\n[[registry.mirror]]\nlocation = "m.example"\n`,
    `[[registry]]\nprefix = "docker.io"\nlocation = "hub.example/x"\n${ours}\n# near\n[[registry.mirror]]\nlocation = "m.example"\n`,
  ],
  [
    "only tables for parts of the registry",
    '[[registry]]\nprefix = "docker.io/library"\nlocation = "x.example"\n',
    `[[registry]]\nprefix = "docker.io/library"\nlocation = "x.example"\n\n${table}\n${ours}`,
  ],
  [
    "line ends of Windows, none at the end",
    '[[registry]]\r\nlocation = "docker.io"',
    `[[registry]]\r\nlocation = "docker.io"\r\n\r\n${ours.replaceAll("\n", "\r\n")}`,
  ],
];

for (const [name, before, after] of edits) {
  test(`the mirror is the registry's first: ${name}`, () => {
    assert.equal(addRegistryMirror("f", before, { mirror, registry }), after);
    assert.equal(addRegistryMirror("f", after, { mirror, registry }), after, "a second time");
  });
}

test("plain HTTP is said where it is needed only", () => {
  const text = addRegistryMirror("f", undefined, {
    mirror: { url: "https://m.example", authority: "m.example", tls: true },
    registry: { host: "10.0.0.1:5000", tls: false },
  });
  const own = '[[registry]]\nprefix = "10.0.0.1:5000"\nlocation = "10.0.0.1:5000"\ninsecure = true\n';
  assert.equal(text, `${ownComment}\n${own}\n[[registry.mirror]]\nlocation = "m.example"\n`);
});

const refusals: readonly (readonly [text: string, why: RegExp])[] = [
  ["[registries.search]\nregistries = ['docker.io']", /version 1/],
  ['registry = [{ location = "docker.io" }]', /only as tables \[\[registry\]\]/],
  ['[[registry]]\nlocation = "docker.io"\nmirror = []', /only as tables \[\[registry\.mirror\]\]/],
  [`${table}${table}`, /several \[\[registry\]\] tables/],
  [`${table}[[registry.mirror]]\nlocation = "m"\n${ours}`, /not the first/],
  ["[[registry]\n", /f:1: /],
];

for (const [text, why] of refusals) {
  test(`a registries.conf is refused: ${why.source}`, () => {
    assert.throws(
      () => addRegistryMirror("f", text, { mirror, registry }),
      (error) => error instanceof DragonflyError && error.code === "bad-config" && why.test(error.message),
    );
  });
}

const main = "/etc/containers/registries.conf";

async function planFor(files: Readonly<Record<string, string>>): Promise<Plan> {
  const tree: Tree = {
    read: async (path) => files[path],
    list: async () => Object.keys(files).flatMap((path) => (path === main ? [] : [path.slice(main.length + 3)])),
  };
  return await podman.plan(tree, { mirror, registries: [registry] });
}

test("the file that counts for the registry is edited, else a drop-in of our own", async () => {
  const pathFor = async (files: Readonly<Record<string, string>>): Promise<string | undefined> =>
    (await planFor(files)).files[0]?.path;
  assert.equal(await pathFor({}), `${main}.d/50-dragonfly.conf`);
  assert.equal(await pathFor({ [main]: "# none\n", [`${main}.d/10-x.conf`]: "" }), `${main}.d/50-dragonfly.conf`);
  assert.equal(await pathFor({ [main]: table, [`${main}.d/10-x.conf`]: "" }), main);
  assert.equal(await pathFor({ [main]: table, [`${main}.d/90-x.conf`]: table }), `${main}.d/90-x.conf`);
  assert.equal(await pathFor({ [main]: table, [`${main}.d/90-x.conf.bak`]: table }), main);
});

test("what the mirror must stand for is said", async () => {
  const noteFor = async (files: Readonly<Record<string, string>>): Promise<string> =>
    (await planFor(files)).notes.join();
  assert.match(await noteFor({}), /the daemon's default registry must be docker\.io$/);
  assert.match(await noteFor({ [main]: table }), /the daemon's default registry must be docker\.io$/);
  const moved = table.replace('location = "docker.io"', 'location = "hub.example/x"');
  assert.match(await noteFor({ [main]: moved }), /^docker\.io is taken from hub\.example\/x here/);
});

test("a table with a wildcard goes on to hold", async () => {
  const wild = '[[registry]]\nprefix = "*.io"\ninsecure = true\n';
  await assert.rejects(planFor({ [main]: wild }), /its table for \*\.io would no longer hold for docker\.io/);
  assert.equal((await planFor({ [main]: `${wild}${table}` })).files[0]?.path, main);
});

test("other registries are told by the mirror's path, each in the file that counts for it", async () => {
  const others = ["quay.io", "r.example"].map((host) => ({ host, tls: true, byName: true }));
  const files = { [main]: '[[registry]]\nlocation = "quay.io"\n' };
  const tree: Tree = { read: async (path) => new Map(Object.entries(files)).get(path), list: async () => [] };
  const planned = await podman.plan(tree, { mirror, registries: [registry, ...others] });
  const own = (host: string, path = ""): string =>
    `[[registry]]\nprefix = "${host}"\nlocation = "${host}"\n\n${ours.replace("65001", `65001${path}`)}`;
  assert.deepEqual(planned.files, [
    { path: main, text: `${files[main]}\n${ours.replace("65001", "65001/quay.io")}` },
    {
      path: `${main}.d/50-dragonfly.conf`,
      text: `${ownComment}\n${own("docker.io")}\n${own("r.example", "/r.example")}`,
    },
  ]);
  assert.deepEqual(planned.notes.length, 1, "of the one that the daemon must mirror by default");
});

test("two registries without a name are refused: a mirror could not tell them apart", async () => {
  const registries = [registry, { host: "quay.io", tls: true }];
  const tree: Tree = { read: async () => undefined, list: async () => [] };
  await assert.rejects(crio.plan(tree, { mirror, registries }), /do not tell a mirror which registry they mean/);
});
