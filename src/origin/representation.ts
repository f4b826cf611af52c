// The headers that say what the bytes are (RFC 9110, section 8) and who may keep them (RFC 9111): what has to go with the content wherever
// it is served from.

import type { DoorResponse } from "../net/http-door.ts";

export type Representation = Readonly<Record<string, string>>;

const names = [
  ...["content-type", "content-disposition", "content-encoding", "content-language"],
  ...["cache-control", "expires", "vary"],
];
/** A longer value is not one that anybody needs, and would go to each host. */
const maxValueLength = 2048;

export function representationOf(headers: DoorResponse["headers"]): Representation {
  const kept: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined && value.length <= maxValueLength) kept[name] = value;
  }
  return kept;
}
