// Certificates that a user trusts for one download, from a file.

import { readFile } from "node:fs/promises";
import { DragonflyError } from "../core/error.ts";

const maxCharacters = 4 << 20;

/** The PEM text. `source` is how the path was given. Errors: `bad-config`. */
export async function readCertificates(path: string, source: string): Promise<string> {
  const refuse = (why: string): DragonflyError => new DragonflyError("bad-config", `${source}: ${path} ${why}`);
  const text = await readFile(path, "utf8").catch(() => {
    throw refuse("cannot be read");
  });
  if (text.length > maxCharacters) throw refuse("is too long for certificates");
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw refuse("holds no PEM certificate");
  return text;
}
