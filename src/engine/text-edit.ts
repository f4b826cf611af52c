// Edits of text by whole lines: what differs between two texts, how that is shown, and how it is taken back from a text that
// others have edited since.

/** `removed` at line `line` (from 0) became `inserted`. Both are whole lines with their ends. */
export interface Hunk {
  readonly line: number;
  readonly removed: string;
  readonly inserted: string;
}

/** The one run of lines in which two texts differ. */
export function hunkBetween(before: string, after: string): Hunk {
  const [old, young] = [linesOf(before), linesOf(after)];
  const least = Math.min(old.length, young.length);
  let head = 0;
  while (head < least && old[head] === young[head]) head += 1;
  let tail = 0;
  while (tail < least - head && old.at(-1 - tail) === young.at(-1 - tail)) tail += 1;
  return {
    line: head,
    removed: old.slice(head, old.length - tail).join(""),
    inserted: young.slice(head, young.length - tail).join(""),
  };
}

/** The text without the hunk; undefined where what it inserted is not there, or in several places. */
export function takeBack(text: string, { line, removed, inserted }: Hunk, exact: boolean): string | undefined {
  const lines = linesOf(text);
  const wanted = linesOf(inserted);
  const matches = (at: number): boolean => wanted.every((one, index) => lines[at + index] === one);
  const places = exact ? [line].filter(matches) : lines.map((_, at) => at).filter(matches);
  const [place] = places;
  if (place === undefined || places.length > 1 || wanted.length === 0) return undefined;
  return [...lines.slice(0, place), removed, ...lines.slice(place + wanted.length)].join("");
}

const contextLines = 3;

/** In the manner of `diff -u`; undefined is a file that is not there. */
export function unifiedDiff(path: string, before: string | undefined, after: string | undefined): string {
  const { line, removed, inserted } = hunkBetween(before ?? "", after ?? "");
  const [old, minus, plus] = [linesOf(before ?? ""), linesOf(removed), linesOf(inserted)];
  const head = old.slice(Math.max(0, line - contextLines), line);
  const tail = old.slice(line + minus.length, line + minus.length + contextLines);
  const range = (changed: number): string => {
    const count = head.length + changed + tail.length;
    return `${line - head.length + (count === 0 ? 0 : 1)},${count}`;
  };
  const body = [...marked(" ", head), ...marked("-", minus), ...marked("+", plus), ...marked(" ", tail)];
  const names = [before === undefined ? "/dev/null" : path, after === undefined ? "/dev/null" : path];
  return `--- ${names[0]}\n+++ ${names[1]}\n@@ -${range(minus.length)} +${range(plus.length)} @@\n${body.join("")}`;
}

function marked(mark: string, lines: readonly string[]): readonly string[] {
  return lines.map((line) => {
    const end = /\r?\n$/.exec(line)?.[0];
    return end === undefined
      ? `${mark}${line}\n\\ No newline at end of file\n`
      : `${mark}${line.slice(0, -end.length)}\n`;
  });
}

/** With their ends; the last may have none. */
export function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** How lines end in this text, for those that are added to it. */
export function lineEndOf(text: string): "\n" | "\r\n" {
  return /\r?\n/.exec(text)?.[0] === "\r\n" ? "\r\n" : "\n";
}

/** The first line of files that we make. */
export const ownComment = "# Written by dragonfly init; with --undo it takes this back.";

/** `lines` as a paragraph of its own after the text, in the text's own line ends. */
export function append(text: string, lines: readonly string[]): string {
  const end = lineEndOf(text);
  const gap = text === "" ? "" : text.endsWith("\n") ? end : end + end;
  return text + gap + lines.map((line) => line + end).join("");
}

/** `lines` at an offset that begins a line. */
export function insertAt(text: string, offset: number, lines: readonly string[]): string {
  const end = lineEndOf(text);
  const before = text.slice(0, offset);
  const gap = before === "" || before.endsWith("\n") ? "" : end;
  return before + gap + lines.map((line) => line + end).join("") + text.slice(offset);
}
