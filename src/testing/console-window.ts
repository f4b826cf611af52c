// A browser window with the console in it: Debian's Chromium, headless, used by keyboard, and watched for what it complains about.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, chromium, type Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";
const quiet = ["quic", "background-networking", "component-update", "sync"].map((feature) => `--disable-${feature}`);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const patientMs = 30_000;

/** Why there can be no window here, for a test to skip with. */
export const missingBrowser: string | false = existsSync(executablePath) ? false : "chromium is not installed";

export interface Fault {
  readonly id: string;
  readonly impact: string | null;
  readonly targets: readonly string[];
}

export class ConsoleWindow {
  readonly page: Page;
  /** What the page complained about, but for connections that were refused. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
    page.setDefaultTimeout(patientMs);
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      if (!message.text().includes("net::ERR_")) this.complaints.push(message.text());
    });
  }

  static async open(url: string): Promise<ConsoleWindow> {
    const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", ...quiet];
    const browser = await chromium.launch({ executablePath, args });
    // Whoever looks at a supernode's console has accepted the certificate of its own authority.
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ignoreHTTPSErrors: true });
    const window = new ConsoleWindow(browser, page);
    await page.goto(url);
    return window;
  }

  /** Resolves when there is such an element with such a text. */
  async sees(selector: string, text: string | RegExp): Promise<void> {
    await this.page.locator(selector, { hasText: text }).first().waitFor();
  }

  /** Goes from element to element as the Tab key does, until the focus is on one whose name has the text. */
  async tabTo(name: string | RegExp): Promise<void> {
    const seen: string[] = [];
    for (let steps = 0; steps < 200; steps++) {
      await this.page.keyboard.press("Tab");
      const focused = String(await this.page.evaluate(nameOfFocused));
      if (typeof name === "string" ? focused.includes(name) : name.test(focused)) return;
      seen.push(focused);
    }
    assert.fail(`the Tab key does not lead to ${name}, only to ${[...new Set(seen)].join("; ")}`);
  }

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** What the axe engine finds to be serious or worse, in light and in dark. */
  async faults(): Promise<readonly Fault[]> {
    const found: Fault[] = [];
    for (const colorScheme of ["dark", "light"] as const) {
      await this.page.emulateMedia({ colorScheme });
      await this.page.evaluate(axe);
      found.push(...((await this.page.evaluate(runAxe)) as Fault[]));
    }
    return found;
  }

  /** How often a second what the selected element shows changes, over a few seconds. */
  async updatesPerSecond(selector: string): Promise<number> {
    return Number(await this.page.evaluate(countUpdates(selector)));
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

// These run in the page, where this program's types say nothing.
const nameOfFocused = `(() => {
  const element = document.activeElement;
  if (element === document.body) return "BODY";
  const label = element.labels?.[0]?.textContent ?? "";
  return [element.tagName, element.getAttribute("aria-label") ?? element.textContent ?? "", label].join(" ");
})()`;
const runAxe = `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, impact, nodes }) => ({ id, impact, targets: nodes.slice(0, 5).map(({ target }) => String(target)) })))`;
const countUpdates = (selector: string): string => `new Promise((resolve) => {
  const overMs = 5000;
  let updates = 0;
  const observer = new MutationObserver(() => updates++);
  const options = { subtree: true, childList: true, characterData: true, attributes: true };
  observer.observe(document.querySelector(${JSON.stringify(selector)}), options);
  setTimeout(() => { observer.disconnect(); resolve(updates / (overMs / 1000)); }, overMs);
})`;
