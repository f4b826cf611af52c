// Completion for zsh, as _arguments in zshcompsys(1) has it.

import { type Flag, type Outline, programsOf } from "./outline.ts";

export function zshCompletion(outlines: readonly Outline[]): string {
  const programs = Object.entries(programsOf);
  const names = outlines.map(({ name, summary }) => `        ${quoted(`${name}:${summary}`)}`);
  const cases = outlines.map(({ name, flags, words }) => {
    const operand = words.length === 0 ? "*:file:_files" : `1:action:(${words.join(" ")})`;
    const specs = [...flags.flatMap(specsOf), operand].map((spec) => `        ${quoted(spec)}`);
    return `    ${name})\n      _arguments -s \\\n${specs.join(" \\\n")}\n      ;;`;
  });
  return `#compdef dragonfly ${programs.map(([, program]) => program).join(" ")}
# zsh completion: source <(dragonfly completion zsh), or as _dragonfly in a directory of $fpath
_dragonfly() {
  local command
  local -a names
  case $service in
${programs.map(([name, program]) => `    ${program}) command=${name} ;;`).join("\n")}
    *)
      names=(
${names.join("\n")}
      )
      if ((CURRENT == 2)); then
        _describe command names
        return
      fi
      command=$words[2]
      shift words
      ((CURRENT--))
      ;;
  esac
  case $command in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _dragonfly ]]; then
  _dragonfly "$@"
else
  compdef _dragonfly dragonfly ${programs.map(([, program]) => program).join(" ")}
fi
`;
}

/** One for each spelling; a flag may be given again, for some are lists. */
function specsOf({ name, short, help, value, words }: Flag): readonly string[] {
  const told = help.replace(/[\\[\]]/g, "\\$&");
  const place = (value ?? "").replace(/[\\:]/g, "\\$&");
  const given = value === undefined ? "" : `:${place}:${words.length === 0 ? "_files" : `(${words.join(" ")})`}`;
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])].map((flag) => `*${flag}[${told}]${given}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
