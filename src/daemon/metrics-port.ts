// Health and metrics for who watches from another machine and cannot reach the socket: Prometheus, Kubernetes. Nothing else is served here.

import fastify from "fastify";
import { serveHealth, type Watched } from "../net/health.ts";
import { listen } from "../net/listen.ts";
import { useProblems } from "../net/problem.ts";
import { type Address, formatAddress } from "../runtime/address.ts";

export interface MetricsPort {
  readonly url: string;
  close(): Promise<void>;
}

/** Errors: `address-in-use`, `bad-config`. */
export async function openMetricsPort(address: Address, watched: Watched): Promise<MetricsPort> {
  const app = fastify({ logger: false });
  useProblems(app);
  serveHealth(app, watched);
  await app.ready();
  const bound = await listen(app.server, address);
  return {
    url: `http://${formatAddress(bound)}`,
    close: async () => {
      app.server.closeAllConnections();
      app.server.close();
      await app.close();
    },
  };
}
