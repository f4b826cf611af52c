import assert from "node:assert/strict";
import { test } from "node:test";
import { ProxySettings } from "./proxy-settings.ts";

const proxyFor = (environment: Record<string, string>, url: string): string | undefined =>
  new ProxySettings(environment).proxyFor(new URL(url));

test("each scheme has its own proxy, and all_proxy stands in", () => {
  const environment = { http_proxy: "http://a:1", all_proxy: "http://b:2" };
  assert.equal(proxyFor(environment, "http://host/"), "http://a:1");
  assert.equal(proxyFor(environment, "https://host/"), "http://b:2");
  assert.equal(proxyFor({ http_proxy: "http://a:1" }, "https://host/"), undefined);
  assert.equal(proxyFor({}, "http://host/"), undefined);
});

test("lower case wins over upper case, an empty value is none, and a bare host is a proxy", () => {
  assert.equal(proxyFor({ HTTPS_PROXY: "http://up:1", https_proxy: "http://low:1" }, "https://host/"), "http://low:1");
  assert.equal(proxyFor({ HTTPS_PROXY: "proxy:3128" }, "https://host/"), "http://proxy:3128");
  assert.equal(proxyFor({ https_proxy: "" }, "https://host/"), undefined);
});

test("no_proxy names hosts, domains, ports, addresses and networks", () => {
  const environment = {
    all_proxy: "http://p:1",
    NO_PROXY: "example.org, .corp.net *.lab,only.host:8080,10.0.0.0/8,127.0.0.1,::1,fd00::/8,bad/net",
  };
  for (const direct of [
    "http://example.org/",
    "https://a.example.org/",
    "http://x.corp.net/",
    "http://y.lab/",
    "http://only.host:8080/",
    "http://10.1.2.3/",
    "http://127.0.0.1:9/",
    "http://[::1]:9/",
    "http://[fd00::7]/",
  ]) {
    assert.equal(proxyFor(environment, direct), undefined, direct);
  }
  for (const proxied of ["http://notexample.org/", "http://only.host/", "http://11.0.0.1/", "http://127.0.0.2/"]) {
    assert.equal(proxyFor(environment, proxied), "http://p:1", proxied);
  }
  assert.equal(proxyFor({ all_proxy: "http://p:1", no_proxy: "*" }, "http://host/"), undefined);
});
