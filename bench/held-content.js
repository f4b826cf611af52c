// A file that one daemon holds and that the supernode knows, but will not send: what other daemons fetch comes from daemons.

import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { joinToken, startDaemon, startSupernode } from "./cluster.js";
import { digestOf, makeContent } from "./content.js";
import { Origin } from "./origin.js";

/** Nobody listens there: hosts that are told to fetch pieces from it do without. */
const nowhere = "127.0.0.1:9";

export class HeldContent {
  /** @param {{ stage: import("./stage.js").Stage, folder: string, url: string, digest: string, path: string, supernode: string, flags: readonly string[] }} facts */
  constructor({ stage, folder, url, digest, path, supernode, flags }) {
    this.stage = stage;
    this.folder = folder;
    this.url = url;
    this.digest = digest;
    /** Where the origin has it. */
    this.path = path;
    this.supernode = supernode;
    this.flags = flags;
  }

  /** With `tls` the hosts listen on all interfaces, though all is dialled on loopback. @param {import("./stage.js").Stage} stage */
  static async make(stage, bytes, { tls = false } = {}) {
    const folder = await mkdtemp(join(stage.folder, "held-"));
    const origin = await Origin.start(stage, folder);
    const path = join(origin.root, "file");
    const digest = await makeContent(path, bytes);
    const url = `${origin.url}/file`;
    const place = { folder: join(folder, "supernode") };
    const open = ["--fetch-rule", "allow 127.0.0.0/8"];
    const filling = await startSupernode(stage, { ...place, ...(tls ? { address: "0.0.0.0:0", flags: open } : {}) });
    const supernode = filling.url.replace("0.0.0.0", "127.0.0.1");
    const flags = tls ? ["--token", await joinToken(stage, place.folder), "--advertise", "127.0.0.1"] : [];
    const held = new HeldContent({ stage, folder, url, digest, path, supernode, flags });
    const holder = await held.daemon("holder");
    await holder.fetch(url, "/dev/null");
    await holder.process.stop();
    await filling.process.stop();
    const address = filling.url.replace(/^https?:\/\//, "");
    await startSupernode(stage, { ...place, address, flags: ["--advertise", nowhere, ...(tls ? open : [])] });
    held.holder = await held.daemon("holder");
    return held;
  }

  /** Of the folder with this name, empty or not. */
  daemon(name) {
    const address = this.flags.length > 0 ? "0.0.0.0:0" : "127.0.0.1:0";
    const place = { folder: join(this.folder, name), address, flags: this.flags };
    return startDaemon(this.stage, { ...place, supernode: this.supernode });
  }

  /** What is wrong with an output, if anything is. */
  async fault(output) {
    return (await digestOf(output)) === this.digest ? undefined : `${output} has other bytes than the origin`;
  }
}
