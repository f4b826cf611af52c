import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfigFile } from "./config-file.ts";
import { registryList } from "./registry-config.ts";

async function parse(yaml: string) {
  const [given] = await parseConfigFile("daemon.yaml", yaml);
  return registryList.parse(given?.raw);
}

test("registries of a configuration file, in both spellings of the keys", async () => {
  const yaml = `registries:
  - host: Registry.example:5000
    ca: /etc/ca.pem
    username: 1234
    password-file: /run/secrets/password
  - host: docker.io
    url: https://harbor.example/v2/hub/
    authFile: /root/.docker/config.json
  - { host: lab, url: "http://10.0.0.1:5000", insecure: true }
`;
  assert.deepEqual(await parse(yaml), [
    {
      host: "registry.example:5000",
      url: "https://registry.example:5000",
      caFile: "/etc/ca.pem",
      insecure: false,
      login: { kind: "password", username: "1234", passwordFile: "/run/secrets/password" },
    },
    {
      host: "docker.io",
      url: "https://harbor.example/v2/hub",
      insecure: false,
      login: { kind: "docker", authFile: "/root/.docker/config.json" },
    },
    { host: "lab", url: "http://10.0.0.1:5000", insecure: true },
  ]);
});

test("what is wrong is named with its entry and its key", async () => {
  for (const [yaml, message] of [
    ["registries: ghcr.io", /are a list/],
    ["registries: [ghcr.io]", /entry 1: write host/],
    ["registries: [{url: https://ghcr.io}]", /entry 1: host is missing/],
    [
      "registries: [{host: a}, {host: ghcr.io, pasword-file: x}]",
      /entry 2 \(ghcr\.io\): .*did you mean "password-file"/,
    ],
    ["registries: [{host: https://ghcr.io}]", /host: .* is no registry/],
    ["registries: [{host: ghcr.io, url: ghcr.io}]", /\(ghcr\.io\): url: /],
    ["registries: [{host: ghcr.io, url: https://ada:pw@ghcr.io}]", /must not hold a user or password/],
    ["registries: [{host: ghcr.io, username: ada}]", /password-file is missing/],
    ["registries: [{host: ghcr.io, password-file: x}]", /username is missing/],
    ["registries: [{host: ghcr.io, auth-file: x, username: ada}]", /auth-file, or username/],
    ["registries: [{host: ghcr.io, insecure: perhaps}]", /insecure: .*neither true nor false/],
    ["registries: [{host: ghcr.io}, {host: GHCR.io}]", /ghcr\.io is there twice/],
  ] as const) {
    await assert.rejects(parse(yaml), { code: "bad-config", message }, yaml);
  }
});

test("a password is no key: it belongs into a file", async () => {
  await assert.rejects(parse("registries: [{host: ghcr.io, username: ada, password: sesame}]"), (error: Error) => {
    assert.match(error.message, /unknown key "password"/);
    return !error.message.includes("sesame");
  });
});
