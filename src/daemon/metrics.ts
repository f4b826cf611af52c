// The daemon's numbers for Prometheus. Names are part of the contract: docs/metrics.md lists them.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

export class DaemonMetrics {
  readonly registry = new Registry();
  #watched = false;
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
  }
  /** What Prometheus reads. The process's own numbers are watched from the first time on, because that takes a timer every 10 ms. */
  exposition(): Promise<string> {
    if (!this.#watched) collectDefaultMetrics({ register: this.registry });
    this.#watched = true;
    return this.registry.metrics();
  }
}
