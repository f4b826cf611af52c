// Which hosts an authority may vouch for, written into its certificate (RFC 5280, section 4.2.1.10): who trusts it for some hosts need not
// trust it for all the others.

import { isIP } from "node:net";
import type { X509 } from "../net/x509-library.ts";
import type { HostPattern } from "../runtime/host-pattern.ts";

/** DER of the extension's value: these hosts, and no other name or address. */
export function encodeNameConstraints({ asn1 }: X509, hosts: readonly HostPattern[]): ArrayBuffer {
  const { GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints } = asn1;
  const names = unique(hosts.filter(({ name }) => isIP(name) === 0).map(({ name }) => name));
  const addresses = unique(hosts.filter(({ name }) => isIP(name) !== 0).map(({ name }) => network(name)));
  const permitted = [
    ...names.map((dNSName) => new GeneralName({ dNSName })),
    ...addresses.map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  // A kind of name that is not permitted at all would be free otherwise.
  const excluded = [
    ...(names.length === 0 ? [new GeneralName({ dNSName: "" })] : []),
    ...(addresses.length === 0 ? ["0.0.0.0/0", "::/0"].map((iPAddress) => new GeneralName({ iPAddress })) : []),
  ];
  const subtrees = (bases: readonly InstanceType<typeof GeneralName>[]) =>
    new GeneralSubtrees(bases.map((base) => new GeneralSubtree({ base })));
  return asn1.AsnConvert.serialize(
    new NameConstraints({
      ...(permitted.length === 0 ? {} : { permittedSubtrees: subtrees(permitted) }),
      ...(excluded.length === 0 ? {} : { excludedSubtrees: subtrees(excluded) }),
    }),
  );
}

/** What the extension permits: `files.example.com` with all names below it, `127.0.0.1`. */
export function permittedHosts({ asn1 }: X509, der: ArrayBuffer): readonly string[] {
  const { permittedSubtrees = [] } = asn1.AsnConvert.parse(der, asn1.NameConstraints);
  return [...permittedSubtrees].map(({ base }) => base.dNSName ?? (base.iPAddress ?? "").replace(/\/(?:32|128)$/, ""));
}

export function permits(permitted: readonly string[], { name }: Pick<HostPattern, "name">): boolean {
  return permitted.some((one) => name === one || (isIP(name) === 0 && name.endsWith(`.${one}`)));
}

function network(address: string): string {
  return isIP(address) === 4 ? `${address}/32` : `${address}/128`;
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
