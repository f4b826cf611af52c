// `dragonfly man`: prints the manual page.

import { logSettings } from "../runtime/log-settings.ts";
import type { Command } from "./command.ts";
import { manPage } from "./man-page.ts";
import { outlines } from "./outline.ts";

export const man: Command = {
  description: "Prints the manual page dragonfly(1), for man to show.",
  settings: logSettings,
  examples: [
    ["| man -l -", "read it"],
    ["> /usr/local/share/man/man1/dragonfly.1", "have it there for man dragonfly"],
  ],
  async run({ io }) {
    io.stdout.write(manPage(await outlines()));
    return 0;
  },
};
