// The daemon's numbers for Prometheus. Names are part of the contract: docs/metrics.md lists them.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

export class DaemonMetrics {
  readonly registry = new Registry();
  readonly uploadBytes = new Counter({
    name: "dragonfly_daemon_upload_bytes_total",
    help: "Bytes of content sent to other hosts.",
    registers: [this.registry],
  });

  constructor(gauges: { readonly downloads: () => number; readonly storeBytes: () => number }) {
    const gauge = (name: string, help: string, read: () => number): Gauge =>
      new Gauge({
        name,
        help,
        registers: [this.registry],
        collect() {
          this.set(read());
        },
      });
    gauge("dragonfly_daemon_downloads", "Downloads that are running.", gauges.downloads);
    gauge("dragonfly_daemon_store_bytes", "Bytes of content on disk.", gauges.storeBytes);
    collectDefaultMetrics({ register: this.registry });
  }
}
