// Tokens of registries for this host: from its own cache, else from the supernode, which asks for all hosts together, else from the token
// service itself.

import { DragonflyError } from "../core/error.ts";
import { TokenCache, type TokenWish } from "../image/token-cache.ts";
import { type Token, TokenClient, type TokenRequest } from "../image/token-client.ts";
import type { HttpDoor } from "../net/http-door.ts";
import type { Supernodes } from "./supernodes.ts";

export function clusterTokens(supernodes: Pick<Supernodes, "configured" | "getToken">, door: HttpDoor): TokenCache {
  const client = new TokenClient(door);
  const fetch = async (request: TokenRequest, { instead, signal }: TokenWish): Promise<Token> => {
    if (!supernodes.configured) return client.fetch(request, signal);
    const { realm, service, scopes, credentials, trust } = request;
    try {
      return await supernodes.getToken({ realm, service, scopes: [...scopes], credentials, instead, ...trust }, signal);
    } catch (thrown) {
      if (DragonflyError.from(thrown).code !== "supernode-unreachable") throw thrown;
      return client.fetch(request, signal);
    }
  };
  return new TokenCache({ fetch });
}
