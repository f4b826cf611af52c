// What a host is called where people read of it.

/** Its address, where it has one; without, its id says it. */
export function labelOf(id: string, address: string | undefined): string {
  return address ?? id.slice(0, 8);
}

/** Without what all of them have in common: the machine, or the port. */
export function shortLabels(
  hosts: Readonly<Record<string, { readonly address?: string | undefined }>>,
): ReadonlyMap<string, string> {
  const all = Object.entries(hosts).map(([id, { address }]) => ({ id, address, at: address?.lastIndexOf(":") ?? -1 }));
  const machines = new Set(all.map(({ address, at }) => address?.slice(0, at)));
  const ports = new Set(all.map(({ address, at }) => address?.slice(at)));
  return new Map(
    all.map(({ id, address, at }) => {
      if (address === undefined || at < 0 || all.length < 2) return [id, labelOf(id, address)];
      if (ports.size === 1) return [id, address.slice(0, at)];
      return [id, machines.size === 1 ? address.slice(at) : address];
    }),
  );
}
