// The libraries that write certificates, loaded together and only where certificates are written: they cost 150 ms.

export type X509 = Awaited<ReturnType<typeof loadX509>>;

export async function loadX509() {
  // The dependency injection of @peculiar/x509 asks for it.
  await import("reflect-metadata");
  const [x509, { AsnConvert }, { GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints }] = await Promise.all([
    import("@peculiar/x509"),
    import("@peculiar/asn1-schema"),
    import("@peculiar/asn1-x509"),
  ]);
  return { x509, asn1: { AsnConvert, GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints } };
}
