// What is to be said besides OpenSSL's word where a certificate is not valid now: often it is the clock that is wrong.

/** The error's message, with what this machine's clock says where a certificate was not valid by it. */
export function withClock(error: Error & { readonly code?: unknown }): string {
  const isOfTime = error.code === "CERT_NOT_YET_VALID" || error.code === "CERT_HAS_EXPIRED";
  return isOfTime ? `${error.message}: ${clockSays()}` : error.message;
}

export function clockSays(nowMs = Date.now()): string {
  return `this machine's clock says ${new Date(nowMs).toISOString()}, compare it with the supernode's`;
}
