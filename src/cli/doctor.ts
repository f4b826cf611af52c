// `dragonfly doctor`: looks at what a daemon of this machine needs, and says what to do where something is wrong.

import type { Finding } from "../doctor/finding.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import { daemonSchema } from "../runtime/daemon-config.ts";
import { proxyEnvironment } from "../runtime/environment.ts";
import { toggle } from "../runtime/kinds.ts";
import { logSettings } from "../runtime/log-settings.ts";
import { setting } from "../runtime/setting.ts";
import type { Command } from "./command.ts";
import { printable } from "./table.ts";

const { supernode, token, listen, proxy, metrics, socket, dataDir, quota, registry, insecure } = daemonSchema.settings;

export const doctor: Command = {
  description:
    "Looks at what the daemon of this machine needs: its socket, ports, disk, certificate, supernodes, clock and registries. Each line says ok, warn " +
    "or fail, and what to do. Nothing is changed. Give it the daemon's flags or --config, and run it as the daemon's user. Exits with 1 where " +
    "anything fails.",
  settings: {
    supernode,
    token,
    listen,
    proxy,
    metrics,
    socket,
    dataDir,
    quota,
    registry,
    insecure,
    json: setting({ name: "json", kind: toggle, only: "flag", help: "print one JSON object" }, "false"),
    ...logSettings,
  },
  examples: [
    ["", "the daemon as configured in /etc/dragonfly/daemon.yaml"],
    ["--supernode supernode.example:8002", "before a daemon is set up"],
    ["--json | jq '.findings[] | select(.state != \"ok\")'", "what is not well, for a program"],
  ],
  async run({ flags, io }) {
    const json = flags.some(({ name }) => name === "json");
    // The rest is the daemon's, its configuration file too.
    const own = flags.filter(({ name }) => name !== "json");
    const config = await loadConfig(daemonSchema, own, surroundings(io.env));
    const { examine } = await import("../doctor/examine.ts");
    const findings = await examine(config, proxyEnvironment());
    const failed = findings.some(({ state }) => state === "fail");
    io.stdout.write(json ? `${JSON.stringify({ ok: !failed, findings })}\n` : findings.map(line).join(""));
    return failed ? 1 : 0;
  },
};

function line(finding: Finding): string {
  const found = printable(finding.found);
  const todo = finding.state === "ok" ? "" : `${" ".repeat(17)}-> ${finding.todo}\n`;
  return `${finding.state.padEnd(5)} ${finding.subject.padEnd(10)} ${found}\n${todo}`;
}
