// Several parts of one content as one body: multipart/byteranges (RFC 9110, section 14.6), of a length that is known beforehand. Pure, but for
// the boundary that is drawn.

import { randomBytes } from "node:crypto";
import type { Part } from "./requested-part.ts";

/** What stands before each part, in order, and after the last. */
export interface Multipart {
  readonly contentType: string;
  readonly contentLength: number;
  readonly parts: readonly { readonly before: string; readonly part: Part }[];
  readonly after: string;
}

/** `length` is the whole content's, `type` its media type: each part says both. */
export function multipart(parts: readonly Part[], { length, type }: { length: number; type: string }): Multipart {
  // 128 random bits are in no content; and who goes by the lengths is not misled even then.
  const boundary = randomBytes(16).toString("hex");
  const after = `\r\n--${boundary}--\r\n`;
  const headed = parts.map((part) => ({
    before: `\r\n--${boundary}\r\ncontent-type: ${type}\r\ncontent-range: bytes ${part.first}-${part.last}/${length}\r\n\r\n`,
    part,
  }));
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    contentLength: headed.reduce(
      (sum, { before, part }) => sum + before.length + part.last - part.first + 1,
      after.length,
    ),
    parts: headed,
    after,
  };
}
