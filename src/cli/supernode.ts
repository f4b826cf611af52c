// `dragonfly supernode`: runs a cluster's manager.

import { loadConfig, surroundings } from "../runtime/config.ts";
import { openLog } from "../runtime/log.ts";
import { supernodeSchema } from "../runtime/supernode-config.ts";
import { openTracer } from "../runtime/tracing.ts";
import type { Command } from "./command.ts";
import { serve } from "./serve.ts";

export const supernode: Command = {
  description:
    "Manages a cluster: reads each content from its origin once, signs its pieces, and tells hosts whom to exchange them with. " +
    "Also serves the HTTP API that the commands tasks, hosts and rm use.",
  settings: supernodeSchema.settings,
  examples: [
    ["", "for this machine only"],
    ["--listen 0.0.0.0:8002", "for other machines, over TLS: dragonfly token create lets them join"],
    ["--listen 0.0.0.0:8002 --insecure", "for a network that is trusted, in plain HTTP"],
    ["--origin-limit 200Mbps --quota 500GB --data-dir /srv/dragonfly", "easy on the origin, with bounded disk"],
    ["--config /etc/dragonfly/supernode.yaml --log-format json", "as a service"],
  ],
  async run({ flags, io }) {
    const config = await loadConfig(supernodeSchema, flags, surroundings(io.env));
    const log = await openLog({ level: config.logLevel, format: config.logFormat }, io.stderr);
    const tracer = await openTracer("dragonfly-supernode", io.env);
    return serve(async () => {
      const { Supernode } = await import("../supernode/supernode.ts");
      const running = await Supernode.start(config, log, tracer);
      return {
        readyLine: `supernode ready on ${running.url}`,
        close: () => running.close().finally(() => tracer.close()),
      };
    }, io);
  },
};
