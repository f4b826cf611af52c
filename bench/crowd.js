// A process that plays many hosts: one of the *-crowd.js scripts. It takes one order at a time, as lines of JSON, and answers each.

import { join } from "node:path";
import { createInterface } from "node:readline";

export class Crowd {
  #running;
  #answered = (_answer) => {};
  #text = "";

  /** @param {import("./stage.js").Stage} stage @param {string} script @param {{ first: number }} role whom it plays, told to the script */
  constructor(stage, script, role) {
    const log = join(stage.folder, `crowd-${role.first}.log`);
    this.#running = stage.start("node", [script, JSON.stringify(role)], { stdin: "pipe", stdout: "pipe", log });
    this.#running.stdout?.setEncoding("utf8").on("data", (text) => this.#hear(text));
  }

  /** Resolves to the answer. */
  do(order) {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      void this.#running.ended.then(({ code }) => reject(new Error(`a crowd ended with ${code}`)));
      this.#running.stdin?.write(`${JSON.stringify(order)}\n`);
    });
  }

  #hear(text) {
    this.#text += text;
    const end = this.#text.indexOf("\n");
    if (end < 0) return;
    const answer = JSON.parse(this.#text.slice(0, end));
    this.#text = this.#text.slice(end + 1);
    this.#answered(answer);
  }
}

/** In the script: carries out orders until there are no more. @param {Record<string, (order: any) => unknown>} orders by type */
export async function obey(orders) {
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    const answer = await orders[order.type]?.(order);
    process.stdout.write(`${JSON.stringify(answer ?? {})}\n`);
  }
}
