import assert from "node:assert/strict";
import { test } from "node:test";
import { proxyRules } from "../runtime/proxy-rule.ts";
import { routeOf } from "./route.ts";

const rules = proxyRules.parse([
  { match: "^https?://files\\.test/secret/", use: "refuse" },
  { match: "^https?://files\\.test/", use: "swarm" },
  { match: "^http://old\\.test/", use: "swarm", rewrite: { scheme: "https", host: "new.test:8443" } },
  { match: "^http://plain\\.test(:\\d+)?/", rewrite: { scheme: "https" } },
]);
const route = (url: string): string => {
  const { use, url: to } = routeOf(rules, new URL(url));
  return `${use} ${to.href}`;
};

test("the first rule that matches decides, and what no rule names is unruled", () => {
  assert.equal(route("http://files.test/a"), "swarm http://files.test/a");
  assert.equal(route("http://files.test/secret/a"), "refuse http://files.test/secret/a");
  assert.equal(route("http://other.test/files.test/"), "unruled http://other.test/files.test/");
});

test("rules see the URL in its normal form, without user and fragment", () => {
  assert.equal(route("http://FILES.test:80/x/../secret/a"), "refuse http://files.test/secret/a");
  assert.equal(route("http://ada:pw@files.test/a#b"), "swarm http://ada:pw@files.test/a");
});

test("scheme and host are rewritten, the rest stays", () => {
  assert.equal(route("http://ada:pw@old.test/a%20b?c=+d"), "swarm https://ada:pw@new.test:8443/a%20b?c=+d");
  assert.equal(route("http://plain.test/a"), "direct https://plain.test/a");
  assert.equal(route("http://plain.test:8080/a"), "direct https://plain.test:8080/a");
});
