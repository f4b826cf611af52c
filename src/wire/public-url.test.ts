import assert from "node:assert/strict";
import { test } from "node:test";
import { publicUrl } from "./public-url.ts";

test("a shown URL has no user, no password, no fragment and no signature", () => {
  assert.equal(publicUrl("http://user:pw@host/a%20b?x=1&y#z"), "http://host/a%20b?x=1&y");
  assert.equal(
    publicUrl("https://b.s3.example/k?X-Amz-Signature=abc&versionId=3&x-amz-security-token=t&Expires=9"),
    "https://b.s3.example/k?X-Amz-Signature=***&versionId=3&x-amz-security-token=***&Expires=9",
  );
  assert.equal(publicUrl("https://h/k?sv=1&sig=s3cr3t&access_token=t"), "https://h/k?sv=1&sig=***&access_token=***");
  assert.equal(publicUrl("//user:pw@?sig=1"), "//");
});
