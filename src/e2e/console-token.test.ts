// The console of a supernode that speaks TLS: it asks for a token, says why one is refused, and lets each do what its role may.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ConsoleWindow, missingBrowser } from "../testing/console-window.ts";
import { SecureCluster } from "../testing/secure-cluster.ts";

const skip = missingBrowser;
let cluster: SecureCluster;
let window: ConsoleWindow;

before(async () => {
  if (skip !== false) return;
  cluster = await SecureCluster.start();
  await cluster.daemon("ann");
  window = await ConsoleWindow.open(`https://${cluster.address}/`);
});
after(async () => {
  await window?.close();
  await cluster?.close();
});

async function give(token: string): Promise<void> {
  await window.sees("dialog[open] label", "Token");
  await window.press("Control+A");
  await window.page.keyboard.type(token);
  await window.press("Enter");
}

async function hosts(): Promise<readonly { readonly isolated: boolean }[]> {
  const headers = { authorization: `Bearer ${await cluster.token("read")}` };
  const answer = await window.page.request.get(`https://${cluster.address}/api/v1/hosts`, { headers });
  return (await answer.json()).hosts;
}

/** Asks for it by keyboard, on the page of the hosts. */
async function isolate(): Promise<void> {
  await window.tabTo("A Hosts");
  await window.press("Enter");
  await window.tabTo("Isolate 127.0.0.1:");
  await window.press("Enter");
  await window.tabTo(/^BUTTON Isolate/);
  await window.press("Enter");
}

test("nothing is shown before a token is", { skip }, async () => {
  await window.sees("dialog[open] h2", "This supernode asks for a token");
  assert.equal(await window.page.locator(".notice").count(), 0);
  assert.doesNotMatch(await window.page.innerText("body"), /Hosts connected/);
  await window.press("Escape");
  await window.sees("dialog[open] h2", "This supernode asks for a token");
  assert.deepEqual(await window.faults(), []);
});

test("a token that is refused is asked for again, with what is wrong with it", { skip }, async () => {
  const expired = await cluster.token("read", { lifeMs: -1 });
  for (const [token, why] of [
    ["nonsense", "the token is not one of this supernode, or was revoked"],
    [expired, /^the token \w+ has expired: create a new one$/],
    [await cluster.token("join"), "this needs a token with the role read, and this one has join"],
  ] as const) {
    await give(token);
    await window.sees("dialog[open] h2", "The token was not accepted");
    await window.sees("dialog[open] .notice.bad", why);
    assert.deepEqual(await window.faults(), []);
  }
  assert.doesNotMatch(await window.page.innerText("body"), /Hosts connected/);
});

test("a reader sees everything live, and is told that isolating takes another role", { skip }, async () => {
  await give(await cluster.token("read"));
  await window.sees(".status", "Live");
  await window.sees(".figure", /Hosts connected\s*1/);
  await isolate();
  await window.sees("dialog[open] .notice.bad", "this needs a token with the role operate, and this one has read");
  assert.deepEqual(await window.faults(), []);
  await window.press("Escape");
  assert.deepEqual(
    (await hosts()).map((host) => host.isolated),
    [false],
  );
  await window.page.reload();
  await window.sees(".status", "Live");
});

test("an operator, in a window of his own, isolates", { skip }, async () => {
  // Each refusal is an answer that the browser tells by itself.
  assert.deepEqual(
    window.complaints.filter((complaint) => !/status of 40[13]/.test(complaint)),
    [],
  );
  await window.close();
  window = await ConsoleWindow.open(`https://${cluster.address}/`);
  await give(await cluster.token("operate"));
  await window.sees(".status", "Live");
  await isolate();
  await window.sees(".chip.bad", "isolated");
  assert.deepEqual(
    (await hosts()).map((host) => host.isolated),
    [true],
  );
});
