// Binding a server to its address, with errors that say what to do about it.

import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { DragonflyError } from "../core/error.ts";
import { type Address, formatAddress } from "../runtime/address.ts";

/** Resolves to the address that was bound, with the real port. Errors: `address-in-use`, `bad-config`. */
export async function listen(server: Server, address: Address): Promise<Address> {
  try {
    server.listen(address.port, address.host);
    await once(server, "listening");
  } catch (cause) {
    throw listenError(cause, formatAddress(address));
  }
  return { host: address.host, port: (server.address() as AddressInfo).port };
}

export function listenError(cause: unknown, where: string): DragonflyError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") {
    const message = `${where} is in use by another process: stop it, or choose another address`;
    return new DragonflyError("address-in-use", message, { cause });
  }
  const why =
    code === "EADDRNOTAVAIL" ? "is not an address of this machine" : `cannot be used: ${(cause as Error).message}`;
  return new DragonflyError("bad-config", `${where} ${why}`, { cause });
}
