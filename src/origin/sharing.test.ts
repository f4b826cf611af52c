import assert from "node:assert/strict";
import { test } from "node:test";
import { mayShare } from "./sharing.ts";

test("what the origin says about keeping it is kept", () => {
  const shared = (cacheControl: string, vary = "", withCredentials = false): boolean =>
    mayShare({ "cache-control": cacheControl, vary }, withCredentials);
  assert.ok(mayShare({}, false));
  assert.ok(shared("public, max-age=60, immutable", "Accept-Encoding"));
  assert.ok(shared("max-age=0, must-revalidate"));
  assert.ok(shared("no-cache"), "the origin is asked each time anyway");
  assert.ok(!shared("No-Store"));
  assert.ok(!shared("private"));
  assert.ok(shared("private", "Authorization, Cookie", true), "each one's own credentials are shown to the origin");
  assert.ok(!shared("no-store", "", true));
  assert.ok(shared('private="set-cookie", max-age=5'), "about one header");
  assert.ok(shared("", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"), "as S3 has it");
  for (const vary of ["*", "Accept", "Accept-Encoding, User-Agent"]) assert.ok(!shared("", vary), vary);
});
