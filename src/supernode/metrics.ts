// The supernode's numbers for Prometheus. Names are part of the contract: docs/metrics.md lists them.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

export class SupernodeMetrics {
  readonly registry = new Registry();
  #watched = false;
  readonly registrations = new Counter({
    name: "dragonfly_supernode_registrations_total",
    help: "Registrations of hosts for tasks, by result: admitted or refused.",
    labelNames: ["result"],
    registers: [this.registry],
  });
  readonly originBytes = new Counter({
    name: "dragonfly_supernode_origin_bytes_total",
    help: "Bytes of content received from origins.",
    registers: [this.registry],
  });
  readonly uploadBytes = new Counter({
    name: "dragonfly_supernode_upload_bytes_total",
    help: "Bytes of content sent to hosts.",
    registers: [this.registry],
  });
  readonly strikes = new Counter({
    name: "dragonfly_supernode_strikes_total",
    help: "Faults of hosts that other hosts reported, by reason.",
    labelNames: ["reason"],
    registers: [this.registry],
  });

  constructor(gauges: {
    readonly hosts: () => number;
    readonly tasks: () => number;
    readonly storeBytes: () => number;
  }) {
    const gauge = (name: string, help: string, read: () => number): Gauge =>
      new Gauge({
        name,
        help,
        registers: [this.registry],
        collect() {
          this.set(read());
        },
      });
    gauge("dragonfly_supernode_hosts", "Hosts that are connected.", gauges.hosts);
    gauge("dragonfly_supernode_tasks", "Tasks that are known.", gauges.tasks);
    gauge("dragonfly_supernode_store_bytes", "Bytes of content on disk.", gauges.storeBytes);
  }
  /** What Prometheus reads. The process's own numbers are watched from the first time on, because that takes a timer every 10 ms. */
  exposition(): Promise<string> {
    if (!this.#watched) collectDefaultMetrics({ register: this.registry });
    this.#watched = true;
    return this.registry.metrics();
  }
}
