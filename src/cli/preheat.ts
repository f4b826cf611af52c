// `dragonfly preheat`: what it is told and how it explains itself. The work is in `preheat-run.ts`.

import { preheatSchema } from "../runtime/preheat-config.ts";
import type { Command } from "./command.ts";

export const preheat: Command = {
  description:
    "Has a file or an image fetched before anybody asks for it: by the supernode, or by hosts too. Prints the id of the preheat, " +
    "which goes on by itself.",
  operands: ["[URL or oci://IMAGE]"],
  settings: preheatSchema.settings,
  examples: [
    ["https://example.com/file.tar", "a file to the supernode"],
    ["oci://docker.io/library/nginx:1.27 --platform linux/amd64 --to all --wait", "an image to every host"],
    [
      "oci://registry.example/team/app:2 --to 20% --username ada --password-stdin <secret",
      "a private one to some hosts",
    ],
    ["--list", "what is being preheated, and was"],
    ["--cancel 2f1c…", "stop one"],
  ],
  async run(call) {
    const { PreheatRun } = await import("./preheat-run.ts");
    return new PreheatRun(call).run();
  },
};
