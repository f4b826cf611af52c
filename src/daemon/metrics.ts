// The daemon's numbers for Prometheus. Names are part of the contract: docs/metrics.md lists them.

import { Metrics } from "../net/metrics.ts";

export class DaemonMetrics extends Metrics {
  readonly uploadBytes = this.counter("dragonfly_daemon_upload_bytes_total", "Bytes of content sent to other hosts.");
  readonly proxyRequests = this.counter(
    "dragonfly_daemon_proxy_requests_total",
    "Requests to the HTTP proxy, by how they were answered.",
    ["way", "swarm", "mirror", "direct", "refused", "tunnel", "intercepted"],
  );

  constructor(gauges: {
    readonly downloads: () => number;
    readonly storeBytes: () => number;
    readonly givingWay: () => number;
  }) {
    super();
    this.gauge(
      "dragonfly_daemon_giving_way",
      "1 while uploads are held back for the host's own work.",
      gauges.givingWay,
    );
    this.gauge("dragonfly_daemon_downloads", "Downloads that are running.", gauges.downloads);
    this.gauge("dragonfly_daemon_store_bytes", "Bytes of content on disk.", gauges.storeBytes);
  }
}
