// dfget: what it is told and how it explains itself. The work is in `get-run.ts`, which help need not load.

import { getSchema } from "../runtime/get-config.ts";
import type { Command } from "./command.ts";

export const get: Command = {
  description:
    "Downloads a file through the swarm: from other hosts that have it, from the supernode, or from where it lives. " +
    "Needs a daemon on this machine, and starts one if there is none.",
  operands: ["[URL]"],
  settings: getSchema.settings,
  examples: [
    ["https://example.com/file.tar", "into ./file.tar"],
    [
      "https://example.com/file.tar -o /tmp/ --digest sha256:9f86d081…",
      "into a directory, and only if it is what it should be",
    ],
    ["https://example.com/file.tar -o - | tar x", "unpack while it arrives"],
    ["https://example.com/private.bin -H 'Authorization: Bearer …' -s 20MB/s", "with a header, at 20 MB/s at most"],
    ["'https://bucket.example.com/a?key=1&sign=2' -f 'key&sign'", "the same content under changing signatures"],
    ["https://example.com/file.tar -n supernode.example --no-back-to-source", "from the cluster or not at all"],
  ],
  async run(call) {
    const { GetRun } = await import("./get-run.ts");
    return new GetRun(call).run();
  },
};
