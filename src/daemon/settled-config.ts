// What of a daemon's configuration depends on whether the host has joined with a token: where it listens, how it speaks to its supernodes, and
// what it tells others to dial.

import { DragonflyError } from "../core/error.ts";
import { type Address, addressOfUrl, formatAddress, isLoopback } from "../runtime/address.ts";
import type { DaemonConfig } from "../runtime/daemon-config.ts";
import { exposureProblem } from "../runtime/exposure.ts";
import type { ClusterIdentity } from "./identity.ts";

export type SettledConfig = DaemonConfig & { readonly listen: Address };

const defaultPort = 65_002;

/** Errors: `bad-config` for a port that would be open in plain HTTP, and for a supernode with TLS where no token was ever given. */
export function settle(config: DaemonConfig, identity: ClusterIdentity | undefined): SettledConfig {
  const { listen, supernodes } = withDefaults(config, identity);
  if (identity !== undefined) return { ...config, listen, supernodes };
  const remedy = "join with --token (dragonfly token create prints one), or ";
  const [problem] = exposureProblem(listen, config.insecure, { name: "--listen", remedy });
  if (problem !== undefined) throw new DragonflyError("bad-config", problem);
  const secure = config.supernodes.find((url) => url.startsWith("https:"));
  if (secure === undefined) return { ...config, listen };
  const message = `${secure} speaks TLS: join it once with --token (dragonfly token create prints one)`;
  throw new DragonflyError("bad-config", message);
}

/** Where it listens, and which supernodes it uses: over TLS, and the one that let it in where none is named, for a host that has joined. */
export function withDefaults(
  config: DaemonConfig,
  identity: ClusterIdentity | undefined,
): { readonly listen: Address; readonly supernodes: readonly string[] } {
  const listen = config.listen ?? { host: identity === undefined ? "127.0.0.1" : "0.0.0.0", port: defaultPort };
  if (identity === undefined) return { listen, supernodes: config.supernodes };
  const urls = config.supernodes.length > 0 ? config.supernodes : [`https://${identity.supernode}`];
  return { listen, supernodes: urls.map((url) => url.replace(/^http:/, "https:")) };
}

/** What other hosts dial: null for a listener that only this machine reaches, unless the whole cluster is on this machine. */
export function advertised({ advertise, supernodes }: DaemonConfig, bound: Address): string | null {
  if (advertise !== undefined) {
    return formatAddress({ host: advertise.host, port: advertise.port === 0 ? bound.port : advertise.port });
  }
  if (isLoopback(bound.host)) {
    return supernodes.every((url) => isLoopback(addressOfUrl(url).host)) ? formatAddress(bound) : null;
  }
  return bound.host === "0.0.0.0" || bound.host === "::" ? `:${bound.port}` : formatAddress(bound);
}
