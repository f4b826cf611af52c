// The console in a real browser, against a real swarm: what it shows, what it does by keyboard alone, and what becomes of it when the supernode is
// started anew.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ConsoleWindow, missingBrowser } from "../testing/console-window.ts";
import { sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const skip = missingBrowser;
const content = testContent(12 * 2 ** 20, 7);
let swarm: ProcessSwarm;
let origin: TestOrigin;
let window: ConsoleWindow;

before(async () => {
  if (skip !== false) return;
  [origin, swarm] = await Promise.all([
    TestOrigin.start({ content }),
    ProcessSwarm.start({ hosts: 3, daemonFlags: ["--download-limit", "400KiB/s"] }),
  ]);
  window = await ConsoleWindow.open(swarm.supernodeUrl);
});
after(async () => {
  await window?.close();
  await swarm?.close();
  await origin?.close();
});

async function api(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${swarm.supernodeUrl}/api/v1${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test("a task is found by keyboard, and its page shows each host, live, at least twice a second", { skip }, async () => {
  const gets = swarm.hosts.map((host) => host.begin(origin.url("/model.bin"), "-o", "model.bin"));
  await window.sees(".status", "Live");
  await window.tabTo("A Tasks");
  await window.press("Enter");
  await window.sees("h1", "Tasks");
  await window.sees("table.tasks", "model.bin");
  await window.tabTo("Only tasks whose URL has");
  await window.page.keyboard.type("model");
  await window.tabTo("A model.bin");
  await window.press("Enter");
  await window.sees("h1", "model.bin");
  await window.page.locator(".maps button").nth(2).waitFor();
  const rate = await window.updatesPerSecond("main");
  assert.ok(rate >= 2, `${rate} updates a second`);
  await window.tabTo(/BUTTON 127\.0\.0\.1:\d/);
  await window.press("Enter");
  await window.sees("h2", "exchanges with");
  await window.sees(".exchange li", "supernode");
  await window.sees("#curve", "Completion against the bound");
  assert.deepEqual(await window.faults(), []);
  for (const get of gets) succeeded(await get.ended);
  for (const host of swarm.hosts) assert.equal(await sha256OfFile(host.path("model.bin")), sha256(content));
  await window.sees(".figure", "3 of 3 complete");
});

test("a task's explanation is found by keyboard, and says of each host what held it back", { skip }, async () => {
  await window.tabTo("A Explain");
  await window.press("Enter");
  await window.sees("h1", "Why it was as fast as it was");
  await window.sees(".naming", "model.bin");
  await window.sees(".causes", "limit: 3 hosts");
  const rows = window.page.locator("tbody tr", { hasText: "A rate limit held it back: daemon --download-limit." });
  assert.equal(await rows.count(), 3);
  await window.sees("tbody tr", /complete.*B\/s\s*\d\.\d\d×/s);
  assert.deepEqual(await window.faults(), []);
  await window.tabTo("A Back to the task");
  await window.press("Enter");
  await window.sees("h1", "model.bin");
  await window.page.goto(`${swarm.supernodeUrl}/#/tasks/${"0".repeat(64)}/explain`);
  await window.sees(".empty", "There is no explanation");
  assert.match(window.complaints.pop() ?? "", /status of 404/);
});

test("a host is isolated and released by keyboard, each time asked first, and its strikes are told", {
  skip,
}, async () => {
  const isolated = async () => {
    const hosts = (await api("/hosts")).body.hosts as { isolated: boolean }[];
    return hosts.filter((host) => host.isolated).length;
  };
  await window.tabTo("A Hosts");
  await window.press("Enter");
  await window.sees("table.hosts", "127.0.0.1:");
  await window.tabTo("Isolate 127.0.0.1:");
  await window.press("Enter");
  await window.sees("dialog[open] h2", "Isolate 127.0.0.1:");
  await window.press("Escape");
  assert.equal(await isolated(), 0);
  await window.press("Enter");
  await window.tabTo(/^BUTTON Isolate/);
  await window.press("Enter");
  await window.sees(".chip.bad", "isolated");
  assert.equal(await isolated(), 1);
  await window.sees("button", "Release");
  assert.deepEqual(await window.faults(), []);
  await window.press("Shift+Tab", "Enter");
  await window.sees(".strikes li", "isolated by an operator");
  await window.tabTo("Release 127.0.0.1:");
  await window.press("Enter");
  await window.tabTo(/^BUTTON Release/);
  await window.press("Enter");
  await window.page.locator(".chip.bad").waitFor({ state: "detached" });
  assert.equal(await isolated(), 0);
});

test("a preheat is begun, followed and cancelled by keyboard, and a refusal is told", { skip }, async () => {
  await window.tabTo("A Preheats");
  await window.press("Enter");
  await window.sees("h1", "Preheats");
  assert.deepEqual(await window.faults(), []);
  await window.tabTo("INPUT  URL");
  await window.page.keyboard.type("nonsense");
  await window.press("Enter");
  await window.sees("form .notice", "nonsense");
  // The browser's own word for every answer that is a refusal.
  assert.match(window.complaints.pop() ?? "", /status of 400/);
  await window.press("Control+A");
  await window.page.keyboard.type(origin.url("/warm.bin"));
  await window.press("Enter");
  await window.sees("table.preheats tr", /warm\.bin.*done/s);
  origin.answer = { content, rateBytesPerSecond: 200_000 };
  await window.page.keyboard.type(origin.url("/slow.bin"));
  await window.tabTo("SELECT");
  await window.page.keyboard.type("All");
  await window.tabTo("BUTTON Begin");
  await window.press("Enter");
  await window.sees("table.preheats tr", /slow\.bin.*running/s);
  await window.tabTo("A slow.bin");
  await window.press("Enter");
  await window.sees("h1", "slow.bin");
  await window.sees("table", "running");
  assert.deepEqual(await window.faults(), []);
  await window.tabTo("Cancel the preheat of slow.bin");
  await window.press("Enter");
  await window.tabTo("BUTTON Cancel it");
  await window.press("Enter");
  await window.sees("h1", "cancelled");
  origin.answer = { content };
});

test("a supernode that is started anew is told, and the page goes on by itself", { skip }, async () => {
  const [supernode] = swarm.supernodes;
  assert.ok(supernode);
  await window.tabTo("A Overview");
  await window.press("Enter");
  await window.sees("h1", "Overview");
  assert.deepEqual(await window.faults(), []);
  await supernode.program?.kill("SIGKILL");
  await window.sees(".notice.bad", "cannot be followed");
  await window.sees(".status", "Not connected");
  assert.deepEqual(await window.faults(), []);
  await supernode.start();
  await window.sees(".status", "Live");
  await window.sees(".notice", "was restarted");
  await window.sees(".figure", /Hosts connected\s*3/);
  await window.tabTo("Dismiss");
  await window.press("Enter");
  await window.page.locator(".notice").waitFor({ state: "detached" });
});

test("a task is removed by keyboard, and its page then says that it is not there", { skip }, async () => {
  succeeded(await swarm.first.get(origin.url("/brief.bin"), "-o", "brief.bin", "--range", "0-1000000"));
  await window.tabTo("A brief.bin");
  await window.press("Enter");
  await window.sees("h1", "brief.bin");
  const address = window.page.url();
  const id = address.slice(address.lastIndexOf("/") + 1);
  await window.tabTo("BUTTON Remove");
  await window.press("Enter");
  await window.sees("dialog[open] h2", "Remove brief.bin");
  await window.tabTo("BUTTON Remove");
  await window.press("Enter");
  await window.sees("h1", "Tasks");
  assert.equal((await api(`/tasks/${id}`)).status, 404);
  await window.page.goto(address);
  await window.sees(".empty", "does not know this task");
  assert.deepEqual(await window.faults(), []);
});

test("a narrow window has no part that sticks out, and nothing was complained about all the while", {
  skip,
}, async () => {
  await window.page.setViewportSize({ width: 375, height: 800 });
  for (const path of ["", "tasks", "hosts", "preheats"]) {
    await window.page.goto(`${swarm.supernodeUrl}/#/${path}`);
    await window.page.locator("h1").waitFor();
    assert.equal(await window.page.evaluate("document.documentElement.scrollWidth <= 375"), true, path);
  }
  assert.deepEqual(window.complaints, []);
});
