// Where a host is dialled for pieces, from what it says itself and where its control channel comes from.

/** A daemon that listens on every interface says port alone (`:65002`): it is dialled where its control channel comes from. */
export function dialAddress(told: string | null, remote: string): string | null {
  if (told === null || !told.startsWith(":")) return told;
  return remote.includes(":") ? `[${remote}]${told}` : `${remote}${told}`;
}
