// Whether an origin lets its content be given to others by a cache (RFC 9111, sections 3 and 5.2). Pure policy.

import { DragonflyError } from "../core/error.ts";
import type { Opened } from "./origin.ts";
import type { Representation } from "./representation.ts";

/** What the content is asked for without (codings, parts), or by each asker's own (credentials). */
const harmlessVariation = new Set([
  ...["accept-encoding", "range", "authorization", "cookie"],
  // Of browsers alone, whose questions of origin change the permissions in an answer and not its content.
  ...["origin", "access-control-request-headers", "access-control-request-method"],
]);

/** `private` is kept for those whose own credentials the origin confirmed: without any nobody could be told from anybody. */
export function mayShare(representation: Representation, withCredentials: boolean): boolean {
  const said = cacheDirectives(representation["cache-control"]);
  if (said.has("no-store") || (said.has("private") && !withCredentials)) return false;
  return list(representation.vary).every((name) => harmlessVariation.has(name));
}

/** Errors: `not-shareable`, and nothing of the content is read. */
export function refuseUnshareable(opened: Opened, withCredentials: boolean): void {
  if (opened.kind === "unchanged" || mayShare(opened.info.representation ?? {}, withCredentials)) return;
  opened.body.destroy();
  throw new DragonflyError("not-shareable", "the origin does not want its content to be given to others");
}

/** Names, in lower case; those that are about single headers alone (`private="set-cookie"`) are left out. */
export function cacheDirectives(header: string | undefined): ReadonlySet<string> {
  const whole = (header ?? "").replace(/[\w-]+="[^"]*"/g, "");
  return new Set(list(whole).map((directive) => directive.replace(/=.*$/, "")));
}

function list(header: string | undefined): readonly string[] {
  return (header ?? "")
    .split(",")
    .map((one) => one.trim().toLowerCase())
    .filter((one) => one !== "");
}
