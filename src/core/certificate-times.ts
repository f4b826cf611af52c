// When certificates are renewed, and which authority issues and which are trusted while one takes over from another. Times are milliseconds
// since 1970, as in certificates.

/** Of a certificate that is issued then and valid until then. */
export function renewalDueMs({ issuedAtMs, expiresAtMs }: { issuedAtMs: number; expiresAtMs: number }): number {
  return (issuedAtMs + expiresAtMs) / 2;
}

export interface Generation {
  readonly madeAtMs: number;
}

/**
 * Oldest first. A new authority is trusted at once and issues after one life of a certificate: by then every host has renewed, and with that
 * heard of it. The old one is trusted for another life, until the last certificate that it issued has expired.
 */
export function reign<T extends Generation>(
  authorities: readonly T[],
  lifeMs: number,
  nowMs: number,
): { readonly issuer: T | undefined; readonly trusted: readonly T[] } {
  const issuing = authorities.findLastIndex((one, at) => at === 0 || nowMs - one.madeAtMs >= lifeMs);
  const since = authorities[issuing]?.madeAtMs ?? 0;
  const old = nowMs - since >= 2 * lifeMs ? issuing : Math.max(0, issuing - 1);
  return { issuer: authorities[issuing], trusted: authorities.slice(old) };
}
