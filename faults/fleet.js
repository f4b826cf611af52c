// A cluster whose processes can be killed, stopped and cut off: supernodes and daemons in network namespaces of their own, and an origin.

import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { startDaemon, startSupernode } from "../bench/cluster.js";
import { Origin } from "../bench/origin.js";
import { RackNetwork } from "../bench/rack-network.js";

/** One process that is started again where it was. */
export class Member {
  /** @param {string} name @param {import("../bench/rack-network.js").RackHost} host @param {(member: Member) => Promise<any>} start */
  constructor(name, host, start) {
    this.name = name;
    this.host = host;
    /** How often it was killed: whoever used it meanwhile has an excuse. */
    this.deaths = 0;
    this.up = false;
    /** A fault is being done to it. */
    this.hurt = false;
    this.#start = start;
  }

  #start;
  #running;

  get process() {
    return this.#running.process;
  }

  get running() {
    return this.#running;
  }

  async start() {
    // A dfget that found no daemon has started one of its own.
    if (this.deaths > 0) await this.host.clear();
    this.#running = await this.#start(this);
    this.up = true;
  }

  async die() {
    this.deaths++;
    this.up = false;
    this.process.kill("SIGKILL");
    await this.process.ended;
  }
}

export class Fleet {
  /**
   * @param {import("../bench/stage.js").Stage} stage
   * @param {{ folder: string, daemons: number, supernodes: number, mbit: number, flags?: readonly string[], seedFlags?: readonly string[] }} options
   */
  static async start(stage, { folder, daemons, supernodes, mbit, flags = [], seedFlags = [] }) {
    const network = await RackNetwork.open(stage);
    const source = await network.join("origin", 10 * mbit);
    const origin = await Origin.start(stage, folder, source);
    const seeds = [];
    for (let nth = 1; nth <= supernodes; nth++) {
      const host = await network.join(`super${nth}`, 10 * mbit);
      const place = { address: `${host.address}:8002`, network: host.network, flags: ["--insecure", ...seedFlags] };
      seeds.push(
        new Member(`super${nth}`, host, ({ name, deaths }) =>
          startSupernode(stage, { folder: join(folder, name), log: `${deaths}.log`, ...place }),
        ),
      );
    }
    for (const seed of seeds) await seed.start();
    const urls = seeds.map(({ running }) => running.url);
    const hosts = [];
    for (let nth = 1; nth <= daemons; nth++) {
      const host = await network.join(`host${nth}`, mbit);
      const place = { address: `${host.address}:65002`, network: host.network, supernode: urls };
      hosts.push(
        new Member(`host${nth}`, host, ({ name, deaths }) =>
          startDaemon(stage, {
            folder: join(folder, name),
            log: `${deaths}.log`,
            joined: deaths === 0,
            flags: ["--insecure", ...flags],
            ...place,
          }),
        ),
      );
    }
    await Promise.all(hosts.map((host) => host.start()));
    return new Fleet({ folder, origin, source, seeds, hosts });
  }

  constructor({ folder, origin, source, seeds, hosts }) {
    this.folder = folder;
    this.origin = origin;
    this.source = source;
    this.seeds = seeds;
    this.hosts = hosts;
  }

  async stop() {
    for (const member of [...this.hosts, ...this.seeds]) await member.die();
    await this.source.clear();
  }

  /** Flips one bit of what a host keeps. Returns where; undefined when it keeps nothing. @param {import("./chance.js").Chance} chance */
  async spoil({ name }, chance) {
    const versions = join(this.folder, name, "data", "versions");
    const names = await readdir(versions).catch(() => []);
    if (names.length === 0) return undefined;
    const path = join(versions, chance.pick(names.sort()), "pieces");
    try {
      const { size } = await stat(path);
      if (size === 0) return undefined;
      const at = chance.between(0, size - 1);
      const file = await open(path, "r+");
      try {
        const byte = Buffer.alloc(1);
        await file.read(byte, 0, 1, at);
        byte[0] = (byte[0] ?? 0) ^ (1 << chance.between(0, 7));
        await file.write(byte, 0, 1, at);
      } finally {
        await file.close();
      }
      return `${path} at ${at}`;
    } catch {
      // It was let go of a moment ago.
      return undefined;
    }
  }
}
