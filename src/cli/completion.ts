// `dragonfly completion`: what a shell needs to complete our commands.

import { DragonflyError } from "../core/error.ts";
import { logSettings } from "../runtime/log-settings.ts";
import { bashCompletion } from "./bash-completion.ts";
import type { Command } from "./command.ts";
import { fishCompletion } from "./fish-completion.ts";
import { outlines } from "./outline.ts";
import { zshCompletion } from "./zsh-completion.ts";

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export const completion: Command = {
  description:
    "Prints a script that has a shell complete dragonfly, dfget and dfdaemon: commands, flags and their values.",
  operands: ["bash|zsh|fish"],
  settings: logSettings,
  examples: [
    ["bash > /etc/bash_completion.d/dragonfly", "for everybody on this machine"],
    ["zsh > ~/.zfunc/_dragonfly", "in a directory of $fpath"],
    ["fish > ~/.config/fish/completions/dragonfly.fish", "for oneself"],
  ],
  async run({ operands, io }) {
    const [shell] = operands;
    if (shell !== "bash" && shell !== "zsh" && shell !== "fish") {
      throw new DragonflyError("bad-usage", `say for which shell: ${Object.keys(shells).join(", ")}`);
    }
    io.stdout.write(shells[shell](await outlines()));
    return 0;
  },
};
