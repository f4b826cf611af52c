// A simulation as a picture: how many hosts were complete when, against the bound, and below it what the seeds had sent by then. Plain SVG on a
// light ground, drawn by hand; the same measurement gives the same bytes.

import { formatBytes, formatRate } from "../runtime/units.ts";
import type { Measurement } from "./measurement.ts";

const width = 800;
const left = 70;
const right = 780;
const upper = { top: 70, bottom: 330 };
const lower = { top: 400, bottom: 560 };

interface Axis {
  readonly max: number;
  readonly ticks: readonly number[];
}

export function plot({ summary, scenario, completedAt, seedSent }: Measurement): string {
  const end = Math.max(completedAt.at(-1) ?? 0, summary.boundSeconds);
  const time = axis(end * 1.05);
  const copies = axis(Math.max(1, summary.seedCopies));
  const x = (seconds: number): number => left + (seconds / time.max) * (right - left);
  const share = (value: number): number => upper.bottom - value * (upper.bottom - upper.top);
  const sent = (value: number): number => lower.bottom - (value / copies.max) * (lower.bottom - lower.top);
  const hosts = completedAt.map((seconds, at) => [x(seconds), share((at + 1) / summary.hosts)] as const);
  const bytes = seedSent.map(([seconds, value]) => [x(seconds), sent(value)] as const);
  const bound = x(summary.boundSeconds);
  const title = `${summary.hosts} hosts, ${formatBytes(scenario.size)}, ${formatRate(scenario.down)} down, ${formatRate(scenario.up)} up, seed ${formatRate(scenario.seedUp * scenario.seeds)}`;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 620" width="${width}" height="620" font-family="sans-serif" font-size="13" fill="#1f2933">`,
    `<rect width="${width}" height="620" fill="#ffffff"/>`,
    text(left, 28, title, 'font-size="16" font-weight="600"'),
    text(left, 50, results(summary), 'fill="#52606d"'),
    ...grid(time, { ...upper, x, values: [0, 0.25, 0.5, 0.75, 1].map((value) => [share(value), `${value * 100} %`]) }),
    ...grid(time, { ...lower, x, values: copies.ticks.map((value) => [sent(value), String(value)]) }),
    `<line x1="${px(bound)}" x2="${px(bound)}" y1="${upper.top}" y2="${upper.bottom}" stroke="#d64545" stroke-width="2" stroke-dasharray="6 4"/>`,
    text(bound - 6, upper.top + 16, `bound ${summary.boundSeconds.toFixed(2)} s`, 'fill="#d64545" text-anchor="end"'),
    line(stairs(hosts, [x(0), share(0)]), "#0967d2"),
    line(stairs(bytes, [x(0), sent(0)]), "#0c6b58"),
    label(upper, "hosts complete"),
    label(lower, "copies sent by the seed"),
    text((left + right) / 2, 600, "seconds from the start", 'text-anchor="middle"'),
    "</svg>",
  ].join("\n")}\n`;
}

function results({ p50, p99, max, seedCopies, duplicates, boundSeconds }: Measurement["summary"]): string {
  const above = (value: number): string => `${value.toFixed(2)} s (${(value / boundSeconds).toFixed(3)} of the bound)`;
  const copies = `${seedCopies.toFixed(1)} copies by the seed, ${(duplicates * 100).toFixed(2)} % duplicates`;
  return `p50 ${above(p50)}, p99 ${above(p99)}, last ${max.toFixed(2)} s; ${copies}`;
}

interface Panel {
  readonly top: number;
  readonly bottom: number;
  readonly x: (seconds: number) => number;
  readonly values: readonly (readonly [y: number, name: string])[];
}

function grid(time: Axis, { top, bottom, x, values }: Panel): readonly string[] {
  const rows = values.flatMap(([y, name]) => [
    `<line x1="${left}" x2="${right}" y1="${px(y)}" y2="${px(y)}" stroke="#e4e7eb"/>`,
    text(left - 8, y + 4, name, 'text-anchor="end" fill="#52606d"'),
  ]);
  const columns = time.ticks.flatMap((value) => [
    `<line x1="${px(x(value))}" x2="${px(x(value))}" y1="${bottom}" y2="${bottom + 5}" stroke="#7b8794"/>`,
    text(x(value), bottom + 20, String(value), 'text-anchor="middle" fill="#52606d"'),
  ]);
  const frame = `<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="#7b8794"/>`;
  return [...rows, frame, ...columns];
}

function label({ top, bottom }: { readonly top: number; readonly bottom: number }, name: string): string {
  const y = (top + bottom) / 2;
  return `<text x="18" y="${px(y)}" text-anchor="middle" transform="rotate(-90 18 ${px(y)})">${name}</text>`;
}

/** Steps through the points from the origin; of those that fall on the same tenth of a pixel only the last is drawn. */
function stairs(points: readonly (readonly [x: number, y: number])[], from: readonly [number, number]): string {
  let path = `M${px(from[0])} ${px(from[1])}`;
  for (const [at, [x, y]] of points.entries()) {
    const next = points[at + 1];
    if (next === undefined || px(next[0]) !== px(x)) path += `H${px(x)}V${px(y)}`;
  }
  return path;
}

function line(path: string, colour: string): string {
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`;
}

function text(x: number, y: number, content: string, style: string): string {
  return `<text x="${px(x)}" y="${px(y)}" ${style}>${content}</text>`;
}

function px(value: number): string {
  return value.toFixed(1);
}

/** About five round numbers from 0 to a round end that covers `upTo`. */
function axis(upTo: number): Axis {
  const raw = upTo / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10) * power;
  const count = Math.ceil(upTo / step - 1e-9);
  const ticks = Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(6)));
  return { max: count * step, ticks };
}
