// All that is looked at on a host, in the order in which it is told: what stands further down needs what is above it.

import { knownIdentity } from "../daemon/identity.ts";
import { withDefaults } from "../daemon/settled-config.ts";
import type { Environment } from "../net/proxy-settings.ts";
import type { DaemonConfig } from "../runtime/daemon-config.ts";
import { checkDisk } from "./disk-check.ts";
import { type Finding, fail, warn } from "./finding.ts";
import { checkIdentity } from "./identity-check.ts";
import { findLocalDaemon } from "./local-daemon.ts";
import { checkPort, type DaemonPort } from "./port-check.ts";
import { checkProxy, checkRegistries } from "./registry-check.ts";
import { checkClock, checkSupernode } from "./supernode-check.ts";

/** `config` is the daemon's. Changes nothing. */
export async function examine(config: DaemonConfig, environment: Environment): Promise<readonly Finding[]> {
  const { socket, dataDir, proxy, metrics, token, insecure } = config;
  const { finding, status, pid } = await findLocalDaemon(socket, dataDir);
  // As the daemon does: a host that is told to speak plain HTTP uses no certificate.
  const plain = token === undefined && insecure;
  const read = await (plain ? undefined : knownIdentity(dataDir).catch((error: Error) => error));
  const known = read instanceof Error ? undefined : read;
  const identity = known?.credentials.identity;
  const { listen, supernodes } = withDefaults(config, known);
  const ports: readonly DaemonPort[] = [
    { address: listen, flag: "--listen" },
    ...(proxy === null ? [] : [{ address: proxy, flag: "--proxy" } as const]),
    ...(metrics === null ? [] : [{ address: metrics, flag: "--metrics" } as const]),
  ];
  const access = { authorities: identity?.authorities ?? [], token };
  const [ofPorts, ofDisk, ofSupernodes, ofRegistries, ofProxy] = await Promise.all([
    Promise.all(ports.map((port) => checkPort(port, { runs: status !== null, pid }))),
    checkDisk(config),
    Promise.all(supernodes.map((url) => checkSupernode(url, access))),
    checkRegistries(config, environment),
    proxy === null || status === null ? [] : checkProxy(proxy),
  ]);
  const secure = supernodes.some((url) => url.startsWith("https:"));
  const ofIdentity =
    read instanceof Error
      ? fail("identity", read.message, "remove the file and start the daemon once with --token")
      : checkIdentity(identity, secure, Date.now());
  const ofCluster =
    supernodes.length === 0 ? [alone] : [...ofSupernodes.map((one) => one.finding), checkClock(ofSupernodes)];
  return [finding, ...ofPorts, ...ofDisk, ofIdentity, ...ofCluster, ...ofRegistries, ...[ofProxy].flat()];
}

const alone = warn(
  "supernode",
  "none is configured: content comes from the origin",
  "name it with --supernode, or join with --token",
);
