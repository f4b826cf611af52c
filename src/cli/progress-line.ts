// The bar that a terminal shows while a download runs: how much, how fast, how long still, and from whom.

import { formatBytes, formatDuration, formatRate } from "../runtime/units.ts";
import type { Progress } from "../wire/local-api.ts";
import type { SingleBar } from "./progress-bar.ts";
import { percentages } from "./result-line.ts";

const barWidth = 24;

export class ProgressLine {
  readonly #bar: SingleBar;
  #text = "";

  private constructor(bar: (text: () => string) => SingleBar) {
    this.#bar = bar(() => this.#text);
    this.#bar.start(1, 0);
  }

  static async open(stream: NodeJS.WritableStream): Promise<ProgressLine> {
    const { SingleBar } = await import("./progress-bar.ts");
    return new ProgressLine(
      (text) =>
        new SingleBar({
          stream,
          format: (_options, params) => `${bar(params.progress)}${text()}`,
          clearOnComplete: true,
          hideCursor: true,
          fps: 10,
        }),
    );
  }

  show(progress: Progress): void {
    this.draw(progress.bytes, progress.length, progressText(progress));
  }

  draw(bytes: number, totalBytes: number | null, text: string): void {
    this.#text = text;
    // An empty file is complete; of an unknown length nothing is known to be left.
    this.#bar.setTotal(Math.max(1, totalBytes ?? bytes * 2));
    this.#bar.update(bytes);
  }

  close(): void {
    this.#bar.stop();
  }
}

/** `45%  90.0 MiB of 200.0 MiB  23.6 MB/s  4.9s left  91% peers, 9% supernode, 0% origin` */
export function progressText({ bytes, length, rateBytesPerSecond: rate, from }: Progress): string {
  const [peers, supernode, origin] = percentages([from.peers, from.supernode, from.origin]);
  const percent = length === null ? [] : [`${length === 0 ? 100 : Math.floor((bytes / length) * 100)}%`];
  const amount = length === null ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(length)}`;
  const left = length === null || rate === 0 ? [] : [`${formatDuration(((length - bytes) / rate) * 1000)} left`];
  const split = `${peers}% peers, ${supernode}% supernode, ${origin}% origin`;
  return [...percent, amount, formatRate(rate), ...left, split].join("  ");
}

function bar(progress: number): string {
  const full = Math.round(Math.min(1, Math.max(0, progress)) * barWidth);
  return `[${"=".repeat(full)}${" ".repeat(barWidth - full)}] `;
}
