// What the live page of a task costs while it is looked at: the browser's processor time, and the supernode's with and without a reader. The
// supernode and the browser are processes of their own; all hosts are in one more.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { startSupernode } from "./cluster.js";
import { cpuBetween, cpuOf } from "./process-cost.js";

export const flags = { n: "32", mib: "48", limit: "500KB/s", seconds: "20", shots: "", chromium: "/usr/bin/chromium" };

const quiet = ["quic", "background-networking", "component-update", "sync"].map((feature) => `--disable-${feature}`);

/** @type {import("./report.js").Measure} */
export async function measure(given, stage) {
  const supernode = await startSupernode(stage, {
    folder: join(stage.folder, "supernode"),
    flags: ["--upload-limit", "8MB/s"],
  });
  const crowdArgs = [given.text("n"), given.text("mib"), given.text("limit"), supernode.url, stage.folder];
  const log = join(stage.folder, "crowd.log");
  const crowd = stage.start(process.execPath, [new URL("console-crowd.js", import.meta.url).pathname, ...crowdArgs], {
    log,
  });
  await crowd.said(/begun/, 60_000);
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", ...quiet];
  const server = await chromium.launchServer({ executablePath: given.text("chromium"), args });
  stage.onClose(() => server.close());
  const browser = await chromium.connect(server.wsEndpoint());
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
  const failures = [];
  page.on("pageerror", (error) => failures.push(error.message));
  const task = async () => (await (await fetch(`${supernode.url}/api/v1/tasks`)).json()).tasks[0];
  const { id } = await task();
  const ms = (given.number("seconds") * 1000) / 2;
  const supernodeShare = () => shareOf([supernode.process.pid], ms);
  const rows = [];
  await sleep(5000);
  // In turns, for the supernode's other work changes while the task goes on.
  for (const turn of [1, 2]) {
    const unwatched = await supernodeShare();
    await page.goto(`${supernode.url}/#/tasks/${id}`);
    await page.locator(".maps button").nth(11).waitFor();
    await page.getByText(/^Show all/).click();
    await sleep(3000);
    const counting = page.evaluate(countUpdates, ms);
    const [watched, looking] = await Promise.all([supernodeShare(), shareOf(familyOf(server.process().pid), ms)]);
    const updates = (await counting) / (ms / 1000);
    rows.push({
      turn,
      hosts: given.number("n"),
      "updates a second": updates,
      "browser, % of a core": 100 * looking,
      "supernode, % of a core": 100 * watched,
      "nobody looking": 100 * unwatched,
    });
    if (turn === 2 && given.text("shots") !== "") await takeShots(page, given.text("shots"));
    await page.goto("about:blank");
  }
  if ((await task()).peers.fetching === 0) failures.push("the task was over too soon: give it more with --mib");
  const title = "targets: 2 updates a second; browser under 30 %, supernode at most 5 % for it";
  return { tables: [{ title, rows }], failures };
}

/** Pictures for the documentation. */
async function takeShots(page, folder) {
  const shoot = (name) => page.screenshot({ path: join(folder, `console-${name}.png`), fullPage: true });
  await page.setViewportSize({ width: 1200, height: 800 });
  await page.getByText(/^Show fewer/).click();
  await page.evaluate(() => window.scrollTo(0, 0));
  await shoot("task");
  await page.emulateMedia({ colorScheme: "dark" });
  await sleep(1000);
  await shoot("task-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.getByRole("link", { name: "Overview" }).click();
  await sleep(5000);
  await shoot("overview");
}

/** Of one core, over some time. */
async function shareOf(pids, ms) {
  const startedMs = performance.now();
  const before = pids.map(cpuOf);
  await sleep(ms);
  const spent = pids.map((pid, nth) => cpuBetween(before[nth], cpuOf(pid)));
  const seconds = spent.reduce((sum, { user, system }) => sum + user + system, 0);
  return seconds / ((performance.now() - startedMs) / 1000);
}

/** A process and all that came of it. */
function familyOf(root) {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
    try {
      const text = readFileSync(`/proc/${name}/stat`, "latin1");
      parents.set(Number(name), Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It has just ended.
    }
  }
  const family = [root];
  for (const member of family) for (const [pid, parent] of parents) if (parent === member) family.push(pid);
  return family;
}

/** Runs in the page. Changes of one moment count once. */
function countUpdates(ms) {
  return new Promise((resolve) => {
    let updates = 0;
    const observer = new MutationObserver(() => updates++);
    observer.observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
    setTimeout(() => {
      observer.disconnect();
      resolve(updates);
    }, ms);
  });
}
