// The registries of both roles, with every number at zero: for who compares names and labels.

import type { Registry } from "prom-client";
import { DaemonMetrics } from "../daemon/metrics.ts";
import { SupernodeMetrics } from "../supernode/metrics.ts";

export function metricsRegistries(): readonly Registry[] {
  const zero = (): number => 0;
  return [
    new SupernodeMetrics({
      ...{ hosts: zero, isolatedHosts: zero, isolatedOrigins: zero, tasks: zero, storeBytes: zero },
    }).registry,
    new DaemonMetrics({ downloads: zero, storeBytes: zero, givingWay: zero }).registry,
  ];
}
