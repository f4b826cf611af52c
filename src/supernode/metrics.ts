// The supernode's numbers for Prometheus. Names are part of the contract: docs/metrics.md lists them.

import { Metrics } from "../net/metrics.ts";

export class SupernodeMetrics extends Metrics {
  readonly registrations = this.counter(
    "dragonfly_supernode_registrations_total",
    "Registrations of hosts for tasks, by result: admitted or refused.",
    ["result", "admitted", "refused"],
  );
  readonly originBytes = this.counter(
    "dragonfly_supernode_origin_bytes_total",
    "Bytes of content received from origins.",
  );
  readonly uploadBytes = this.counter("dragonfly_supernode_upload_bytes_total", "Bytes of content sent to hosts.");
  readonly strikes = this.counter(
    "dragonfly_supernode_strikes_total",
    "Faults of hosts, by reason: reported by other hosts, or seen by the supernode.",
    ["reason", "corrupt", "stalled", "lied", "slow"],
  );

  constructor(gauges: {
    readonly hosts: () => number;
    readonly isolatedHosts: () => number;
    readonly isolatedOrigins: () => number;
    readonly tasks: () => number;
    readonly storeBytes: () => number;
  }) {
    super();
    this.gauge("dragonfly_supernode_hosts", "Hosts that are connected.", gauges.hosts);
    this.gauge("dragonfly_supernode_isolated_hosts", "Hosts that are isolated.", gauges.isolatedHosts);
    this.gauge("dragonfly_supernode_isolated_origins", "Origins that are left alone.", gauges.isolatedOrigins);
    this.gauge("dragonfly_supernode_tasks", "Tasks that are known.", gauges.tasks);
    this.gauge("dragonfly_supernode_store_bytes", "Bytes of content on disk.", gauges.storeBytes);
  }
}
