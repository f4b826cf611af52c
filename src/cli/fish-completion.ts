// Completion for fish, as complete(1) of its manual has it.

import { type Flag, type Outline, programsOf } from "./outline.ts";

export function fishCompletion(outlines: readonly Outline[]): string {
  const lines = outlines.flatMap(({ name, summary, flags, words }) => {
    const after = `complete -c dragonfly -n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
    const program = programsOf[name];
    const offered = [...flags.map(optionOf), ...(words.length === 0 ? [] : [`-f -a ${quoted(words.join(" "))}`])];
    return [
      `complete -c dragonfly -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
      ...offered.map((option) => `${after} ${option}`),
      ...(program === undefined ? [] : offered.map((option) => `complete -c ${program} ${option}`)),
    ];
  });
  return `# fish completion: dragonfly completion fish | source\n${lines.join("\n")}\n`;
}

function optionOf({ name, short, help, value, words }: Flag): string {
  const letter = short === undefined ? "" : ` -s ${short}`;
  const given = words.length > 0 ? ` -x -a ${quoted(words.join(" "))}` : value === undefined ? "" : " -r";
  return `-l ${name}${letter}${given} -d ${quoted(help)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
