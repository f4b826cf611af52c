// `dragonfly daemon` (dfdaemon): runs the part of the swarm that each host has.

import { loadConfig, surroundings } from "../runtime/config.ts";
import { daemonSchema } from "../runtime/daemon-config.ts";
import { openLog } from "../runtime/log.ts";
import { openTracer } from "../runtime/tracing.ts";
import type { Command } from "./command.ts";
import { serve } from "./serve.ts";

export const daemon: Command = {
  description:
    "Runs on each host: keeps pieces, exchanges them with other hosts, serves dfget on a socket and container engines on the proxy port. " +
    "Without a supernode it reads from origins by itself.",
  settings: daemonSchema.settings,
  examples: [
    ["--supernode supernode.example:8002", "use a cluster, give nothing to other machines"],
    ["--token @/run/secrets/dragonfly-token", "join a cluster over TLS; later starts need no token"],
    ["-n supernode.example --listen 0.0.0.0:65002 --insecure", "take part in a cluster on a network that is trusted"],
    ["-n supernode.example --totallimit 20MB/s --quota 50GB", "easy on the network and the disk"],
    ["--proxy 127.0.0.1:65001 --registry https://registry-1.docker.io", "mirror a registry for the container engine"],
    ["--idle-exit 5m --proxy off", "leave when there is nothing to do"],
  ],
  async run({ flags, io }) {
    const config = await loadConfig(daemonSchema, flags, surroundings(io.env));
    const log = await openLog({ level: config.logLevel, format: config.logFormat }, io.stderr);
    const tracer = await openTracer("dragonfly-daemon", io.env);
    return serve(async () => {
      const { Daemon } = await import("../daemon/daemon.ts");
      const running = await Daemon.start(config, log, tracer);
      const { piecesUrl, proxyUrl, socket, idle } = running;
      const readyLine = `daemon ready: pieces ${piecesUrl}, proxy ${proxyUrl ?? "off"}, socket ${socket}`;
      return { readyLine, idle, close: () => running.close().finally(() => tracer.close()) };
    }, io);
  },
};
