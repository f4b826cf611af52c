// The libraries that write certificates, loaded together and only where certificates are written: they cost 100 ms.

export type X509 = Awaited<ReturnType<typeof loadX509>>;

export async function loadX509() {
  const { asn1, x509 } = await import("./x509-classes.ts");
  return { asn1, x509 };
}
