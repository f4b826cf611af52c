// Which hosts a preheat is for: all, or a share of them that is spread over zones and racks like the hosts themselves. The same hosts are
// chosen for the same content again, as long as they are there, and others for another content.

import type { HostId } from "./ids.ts";
import type { Labels } from "./swarm.ts";

/** `percent` is more than 0 and at most 100. */
export type PreheatTarget =
  | { readonly kind: "seeds" }
  | { readonly kind: "all" }
  | { readonly kind: "percent"; readonly percent: number };

export interface Candidate {
  readonly id: HostId;
  readonly labels: Labels;
}

/** `seeds`, `all` or `25%`; undefined for anything else. */
export function parsePreheatTarget(text: string): PreheatTarget | undefined {
  if (text === "seeds" || text === "all") return { kind: text };
  const percent = Number(/^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text)?.[1]);
  return percent > 0 && percent <= 100 ? { kind: "percent", percent } : undefined;
}

export function formatPreheatTarget(target: PreheatTarget): string {
  return target.kind === "percent" ? `${target.percent}%` : target.kind;
}

/** At least one host where there is any. `content` is whatever names what is preheated. */
export function choosePreheatHosts(
  hosts: readonly Candidate[],
  target: PreheatTarget,
  content: string,
): readonly HostId[] {
  if (target.kind === "seeds") return [];
  const ids = hosts.map(({ id }) => id);
  if (target.kind === "all") return ids;
  const count = Math.min(hosts.length, Math.ceil((hosts.length * target.percent) / 100));
  const groups = groupByPlace(hosts);
  const shares = sharesOf(groups, count / Math.max(1, hosts.length), count, content);
  return [...groups].flatMap(([place, members]) => ranked(members, content).slice(0, shares.get(place)));
}

function groupByPlace(hosts: readonly Candidate[]): ReadonlyMap<string, readonly HostId[]> {
  const groups = new Map<string, HostId[]>();
  for (const { id, labels } of hosts) {
    const place = JSON.stringify([labels.zone ?? "", labels.rack ?? ""]);
    const members = groups.get(place);
    if (members === undefined) groups.set(place, [id]);
    else members.push(id);
  }
  return groups;
}

/** Each group's share rounded down; what is left goes to the largest remainders, among equal ones by chance that repeats itself. */
function sharesOf(
  groups: ReadonlyMap<string, readonly HostId[]>,
  share: number,
  count: number,
  content: string,
): ReadonlyMap<string, number> {
  const exact = [...groups].map(([place, { length }]) => ({ place, exact: length * share }));
  const shares = new Map(exact.map((group) => [group.place, Math.floor(group.exact + 1e-9)]));
  const left = count - [...shares.values()].reduce((sum, one) => sum + one, 0);
  const order = exact
    .map(({ place, exact }) => ({
      place,
      rest: exact - (shares.get(place) ?? 0),
      rank: hashOf(`${content}\n${place}`),
    }))
    .sort((a, b) => (Math.abs(a.rest - b.rest) > 1e-9 ? b.rest - a.rest : a.rank - b.rank));
  for (const { place } of order.slice(0, left)) shares.set(place, (shares.get(place) ?? 0) + 1);
  return shares;
}

/** Highest random weight: a host that comes or goes changes the choice by that host and one other at most. */
function ranked(members: readonly HostId[], content: string): readonly HostId[] {
  return members
    .map((id) => ({ id, rank: hashOf(`${content}\n${id}`) }))
    .sort((a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}

/** FNV-1a, with the finishing steps of MurmurHash3 (Austin Appleby) so that texts with one start are far apart; not for secrets. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
