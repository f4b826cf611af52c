// What every HTTP listener of ours holds its clients to, so that slow ones cannot keep its connections (RFC 9110 knows 408 for them).

/** For Node's `createServer`; the head of a request has to be there within the first, all of it within the second. */
export const httpLimits = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 65_536,
} as const;

/** The same for fastify, which sets some of them itself. */
export const fastifyLimits = {
  requestTimeout: httpLimits.requestTimeout,
  keepAliveTimeout: httpLimits.keepAliveTimeout,
  http: httpLimits,
} as const;
