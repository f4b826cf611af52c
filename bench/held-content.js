// A file that one daemon holds and that the supernode knows, but will not send: what other daemons fetch comes from daemons.

import { join } from "node:path";
import { startDaemon, startSupernode } from "./cluster.js";
import { digestOf, makeContent } from "./content.js";
import { Origin } from "./origin.js";

/** Nobody listens there: hosts that are told to fetch pieces from it do without. */
const nowhere = "127.0.0.1:9";

export class HeldContent {
  /** @param {{ stage: import("./stage.js").Stage, url: string, digest: string, path: string, supernode: string }} facts */
  constructor({ stage, url, digest, path, supernode }) {
    this.stage = stage;
    this.url = url;
    this.digest = digest;
    /** Where the origin has it. */
    this.path = path;
    this.supernode = supernode;
  }

  /** @param {import("./stage.js").Stage} stage @param {number} bytes */
  static async make(stage, bytes) {
    const { folder } = stage;
    const origin = await Origin.start(stage, folder);
    const path = join(origin.root, "file");
    const digest = await makeContent(path, bytes);
    const url = `${origin.url}/file`;
    const filling = await startSupernode(stage, { folder: join(folder, "supernode") });
    const holder = await startDaemon(stage, { folder: join(folder, "holder"), supernode: filling.url });
    await holder.fetch(url, "/dev/null");
    await holder.process.stop();
    await filling.process.stop();
    const address = filling.url.replace("http://", "");
    const flags = ["--advertise", nowhere];
    const { url: supernode } = await startSupernode(stage, { folder: join(folder, "supernode"), address, flags });
    const held = new HeldContent({ stage, url, digest, path, supernode });
    held.holder = await held.daemon("holder");
    return held;
  }

  /** Of the folder with this name, empty or not. */
  daemon(name) {
    return startDaemon(this.stage, { folder: join(this.stage.folder, name), supernode: this.supernode });
  }

  /** What is wrong with an output, if anything is. */
  async fault(output) {
    return (await digestOf(output)) === this.digest ? undefined : `${output} has other bytes than the origin`;
  }
}
