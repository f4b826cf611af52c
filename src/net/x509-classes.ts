// What certificates are read and written with. The build puts the libraries' code in this file's place.

// The dependency injection of @peculiar/x509 asks for it, and before it.
import "reflect-metadata";
import { AsnConvert } from "@peculiar/asn1-schema";
import { GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints } from "@peculiar/asn1-x509";
import * as x509 from "@peculiar/x509";

const asn1 = { AsnConvert, GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints };

export { asn1, x509 };
