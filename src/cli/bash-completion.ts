// Completion for bash, as complete(1) of its manual has it.

import { type Outline, programsOf } from "./outline.ts";

export function bashCompletion(outlines: readonly Outline[]): string {
  const names = outlines.map(({ name }) => name);
  const values = outlines.flatMap(({ name, flags }) =>
    flags
      .filter(({ value }) => value !== undefined)
      .map(({ name: flag, short, words }) => {
        const spelled = [`--${flag}`, ...(short === undefined ? [] : [`-${short}`])];
        return `    ${spelled.map((one) => `${name}:${one}`).join(" | ")}) ${answer(words)} ;;`;
      }),
  );
  const words = outlines.map(({ name, flags, words: operands }) => {
    const offered = [...operands, ...flags.map((flag) => `--${flag.name}`)];
    return `    ${name}) words="${offered.join(" ")}" ;;`;
  });
  const programs = Object.entries(programsOf);
  return `# bash completion: source <(dragonfly completion bash)
_dragonfly() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]} words=
  COMPREPLY=()
  case \${1##*/} in
${programs.map(([name, program]) => `    ${program}) command=${name} ;;`).join("\n")}
    *)
      if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "${names.join(" ")} help --help --version" -- "$word"))
        return
      fi
      ;;
  esac
  case $command:$before in
${values.join("\n")}
  esac
  case $command in
${words.join("\n")}
    help) words="${names.join(" ")}" ;;
  esac
  # Where no word fits, bash offers files.
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _dragonfly dragonfly ${programs.map(([, program]) => program).join(" ")}
`;
}

function answer(words: readonly string[]): string {
  return words.length === 0 ? "return" : `COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$word")); return`;
}
