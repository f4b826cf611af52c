// Downloads of mixed sizes on many hosts while processes are killed and stopped, links cut and healed, and cached bytes flipped, at random.
// No byte may be wrong, nothing may fail while a source lives, and the origin is read about once.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, makeContent } from "../bench/content.js";
import { quantile } from "../bench/statistics.js";
import { Chance } from "./chance.js";
import { Fleet } from "./fleet.js";

export const flags = {
  downloads: "1000",
  daemons: "12",
  supernodes: "2",
  files: "40",
  mbit: "200",
  atonce: "12",
  every: "1500",
};

const KIB = 1024;
const MIB = 1024 * KIB;
const sizes = [0, 1, 1000, 64 * KIB - 1, 64 * KIB, 300 * KIB, MIB, 3 * MIB, 8 * MIB, 20 * MIB];
/** A dfget that takes longer hangs. */
const patienceMs = 180_000;
const maxTries = 20;

export async function test(given, stage) {
  const chance = new Chance(given.number("seed"));
  const folder = await stage.roomy(8e9);
  const fleet = await Fleet.start(stage, {
    folder,
    daemons: given.number("daemons"),
    supernodes: given.number("supernodes"),
    mbit: given.number("mbit"),
  });
  const files = [];
  for (let nth = 0; nth < given.number("files"); nth++) {
    const name = `file-${nth}`;
    const bytes = sizes[nth % sizes.length] ?? 0;
    files.push({ name, bytes, digest: await makeContent(join(fleet.origin.root, name), bytes) });
  }
  const before = await fleet.source.sentBytes();
  const storm = new Storm(fleet, chance, given.number("every"));
  const downloads = new Downloads(fleet, files, new Chance(given.number("seed") + 1));
  const blowing = storm.blow();
  await downloads.run(given.number("downloads"), given.number("atonce"));
  storm.end();
  await blowing;
  const distinct = files.filter(({ name }) => downloads.asked.has(name)).reduce((sum, { bytes }) => sum + bytes, 0);
  const copies = ((await fleet.source.sentBytes()) - before) / distinct;
  const failures = [...downloads.failures];
  if (copies > 1.05 * 1.04) failures.push(`the origin sent ${copies.toFixed(3)} copies, headers included`);
  const rows = [
    {
      downloads: downloads.done,
      "wrong bytes": downloads.wrong,
      failed: downloads.failures.length,
      "begun again": downloads.again,
      "origin copies": copies,
      "p50 s": quantile(downloads.seconds, 0.5),
      "p99 s": quantile(downloads.seconds, 0.99),
      "max s": quantile(downloads.seconds, 1),
      ...storm.counts,
    },
  ];
  return { tables: [{ title: "downloads, and what was done to the cluster", rows }], failures };
}

class Downloads {
  done = 0;
  wrong = 0;
  /** Their daemon was killed: the same command again. */
  again = 0;
  /** @type {number[]} */
  seconds = [];
  /** @type {string[]} */
  failures = [];
  asked = new Set();
  #fleet;
  #files;
  #chance;

  constructor(fleet, files, chance) {
    this.#fleet = fleet;
    this.#files = files;
    this.#chance = chance;
  }

  async run(count, atOnce) {
    let left = count;
    const one = async (worker) => {
      while (left-- > 0) await this.#download(worker);
    };
    await Promise.all(Array.from({ length: atOnce }, (_, worker) => one(worker)));
  }

  async #download(worker) {
    const file = this.#chance.pick(this.#files);
    const host = this.#chance.pick(this.#fleet.hosts);
    const output = join(this.#fleet.folder, host.name, `out-${worker}`);
    this.asked.add(file.name);
    const startedMs = performance.now();
    for (let tries = 1; ; tries++) {
      while (!host.up) await pause(100);
      const { deaths } = host;
      const getting = host.running.get(`${this.#fleet.origin.url}/${file.name}`, output, `get-${worker}.log`);
      const overdue = setTimeout(() => getting.kill("SIGKILL"), patienceMs);
      const { code } = await getting.ended;
      clearTimeout(overdue);
      if (code === 0) break;
      const excused = host.deaths !== deaths && tries < maxTries;
      if (!excused) return void this.failures.push(`${file.name} on ${host.name}: exit ${code}: ${getting.lastWords}`);
      this.again++;
    }
    this.seconds.push((performance.now() - startedMs) / 1000);
    this.done++;
    if ((await digestOf(output)) !== file.digest) {
      this.wrong++;
      this.failures.push(`${file.name} on ${host.name}: wrong bytes`);
    }
    await rm(output, { force: true });
  }
}

class Storm {
  counts = { killed: 0, stopped: 0, cut: 0, spoiled: 0 };
  #fleet;
  #chance;
  #everyMs;
  #ended = false;
  #pending = new Set();

  constructor(fleet, chance, everyMs) {
    this.#fleet = fleet;
    this.#chance = chance;
    this.#everyMs = everyMs;
  }

  async blow() {
    while (!this.#ended) {
      await pause(this.#chance.between(this.#everyMs / 2, this.#everyMs * 1.5));
      const fault = this.#fault().finally(() => this.#pending.delete(fault));
      this.#pending.add(fault);
    }
    await Promise.all(this.#pending);
  }

  end() {
    this.#ended = true;
  }

  async #fault() {
    const kind = this.#chance.pick(["kill", "kill", "stop", "cut", "spoil", "spoil"]);
    const { hosts, seeds } = this.#fleet;
    if (kind === "spoil") {
      if ((await this.#fleet.spoil(this.#chance.pick(hosts), this.#chance)) !== undefined) this.counts.spoiled++;
      return;
    }
    // Of supernodes one is always left alone.
    const seedsWell = seeds.filter(({ hurt }) => !hurt);
    const victims = [...hosts, ...(seedsWell.length > 1 ? seedsWell : [])].filter(({ hurt, up }) => !hurt && up);
    if (victims.length < hosts.length / 2) return;
    const victim = this.#chance.pick(victims);
    const forMs = this.#chance.between(1000, 5000);
    victim.hurt = true;
    if (kind === "kill") {
      this.counts.killed++;
      await victim.die();
      await pause(forMs);
      await victim.start();
    } else if (kind === "stop") {
      this.counts.stopped++;
      victim.process.kill("SIGSTOP");
      await pause(5000);
      victim.process.kill("SIGCONT");
    } else {
      this.counts.cut++;
      await victim.host.cut();
      await pause(forMs);
      await victim.host.heal();
    }
    victim.hurt = false;
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
