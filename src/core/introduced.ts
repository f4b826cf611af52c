// Whom supernodes introduced to this host for which version: they alone may read its pieces here. It outlives the supernodes: with none left, those
// who know each other go on.

import type { HostId, VersionId } from "./ids.ts";

/** Many times what a supernode gives a host; the oldest goes. */
const maxHosts = 4096;

export class Introduced {
  readonly #hosts = new Map<VersionId, Set<HostId>>();

  has(version: VersionId, host: HostId): boolean {
    return this.#hosts.get(version)?.has(host) === true;
  }

  add(version: VersionId, host: HostId): void {
    const hosts = this.#hosts.get(version) ?? new Set<HostId>();
    this.#hosts.set(version, hosts);
    hosts.delete(host);
    hosts.add(host);
    const [oldest] = hosts;
    if (hosts.size > maxHosts && oldest !== undefined) hosts.delete(oldest);
  }

  drop(version: VersionId, host: HostId): void {
    const hosts = this.#hosts.get(version);
    if (hosts?.delete(host) === true && hosts.size === 0) this.#hosts.delete(version);
  }

  /** The version is not here any more. */
  forget(version: VersionId): void {
    this.#hosts.delete(version);
  }

  /** A host that is let in no more; returns the versions that it was introduced for. */
  bar(host: HostId): readonly VersionId[] {
    const versions = [...this.#hosts].filter(([, hosts]) => hosts.has(host)).map(([version]) => version);
    for (const version of versions) this.drop(version, host);
    return versions;
  }
}
