// The rule that nothing listens beyond this machine in plain HTTP unless its owner said so, and that what is advertised can be dialled.

import { type Address, formatAddress, isLoopback } from "./address.ts";

/** The problem with a listener, or none. `source` is how the address was given, `name` how the setting is called. */
export function exposureProblem(
  address: Address | null | undefined,
  insecure: boolean | undefined,
  {
    source,
    name,
    remedy = "",
  }: { readonly source?: string | undefined; readonly name: string; readonly remedy?: string },
): readonly string[] {
  if (address === null || address === undefined || insecure === true || isLoopback(address.host)) return [];
  return [
    `${source ?? name}: ${formatAddress(address)} is open to other machines, and would speak plain HTTP: ${remedy}` +
      "on a network you trust add --insecure, else listen on 127.0.0.1",
  ];
}

/** Nobody can dial "every interface". */
export function undialable(advertise: Address | undefined, source: string | undefined): readonly string[] {
  if (advertise === undefined || (advertise.host !== "0.0.0.0" && advertise.host !== "::")) return [];
  return [
    `${source ?? "advertise"}: ${formatAddress(advertise)} cannot be dialled: give the name or address that others use`,
  ];
}
