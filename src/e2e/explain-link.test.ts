// A host behind a slow link says so: in a network of its own, with real limits on its links.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CappedNetwork, type Machine, missingCappedNetwork } from "../testing/capped-network.ts";
import { byDaemon } from "../testing/explained.ts";
import { succeeded } from "../testing/outcome.ts";
import { ProcessHost } from "../testing/process-swarm.ts";
import { Program, type ProgramName } from "../testing/program.ts";
import { testContent } from "../testing/test-origin.ts";

const content = testContent(8 * 2 ** 20, 9);

test("the host's own link", { skip: missingCappedNetwork() }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "dragonfly-e2e-"));
  await writeFile(join(folder, "file"), content);
  const network = await CappedNetwork.open();
  const programs: Program[] = [];
  const start = async (
    name: ProgramName,
    args: readonly string[],
    machine: Machine,
    says: RegExp,
  ): Promise<Program> => {
    const program = new Program(name, args, { cwd: folder, under: machine.under, killAfterMs: 100_000 });
    programs.push(program);
    await program.said("stderr", says);
    return program;
  };
  const web = await network.join();
  const serve = ["-u", "-m", "http.server", "8000", "--bind", web.address, "--directory", folder];
  const server = spawn("ip", [...web.under.slice(1), "python3", ...serve], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    await once(server.stdout, "data");
    const supernode = await network.join();
    const open = ["--insecure", "--data-dir"];
    await start(
      "dragonfly",
      ["supernode", "--listen", `${supernode.address}:8002`, ...open, "s"],
      supernode,
      /serving/,
    );
    const hosts: ProcessHost[] = [];
    for (const downMbit of [16, undefined, undefined, undefined]) {
      const machine = await network.join({ downMbit });
      const host = new ProcessHost(join(folder, machine.address), []);
      await mkdir(host.folder, { recursive: true });
      const own = ["-n", supernode.address, "--listen", `${machine.address}:65002`, "--proxy", "off"];
      await start("dfdaemon", [...own, "--socket", host.socket, ...open, host.dataDir], machine, /joined supernode/);
      hosts.push(host);
    }
    const [slow, ...others] = hosts;
    assert.ok(slow);
    const url = `http://${web.address}:8000/file`;
    for (const outcome of await Promise.all(others.map((host) => host.get(url, "-o", "a")))) succeeded(outcome);
    succeeded(await slow.get(url, "-o", "a"));
    const explained = await byDaemon(slow);
    assert.equal(explained.cause, "downlink", JSON.stringify(explained));
  } finally {
    server.kill();
    await Promise.all(programs.map((program) => program.kill("SIGTERM")));
    await network.close();
    await rm(folder, { recursive: true });
  }
});
