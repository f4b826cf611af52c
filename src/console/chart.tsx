// A chart in its place: as wide as its parent, painted in the page's colours, told in words to those who do not see it.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { colour, useDark } from "./hooks.ts";

export interface ChartLine {
  /** A colour of the style sheet. */
  readonly colour: string;
  readonly filled?: boolean;
  readonly dashed?: boolean;
  readonly bars?: boolean;
}

export interface ChartProps {
  /** In words. */
  readonly label: string;
  readonly height: number;
  readonly lines: readonly ChartLine[];
  /** x, then the values of each line. */
  readonly data: uPlot.AlignedData;
  readonly formatX: (value: number) => string;
  readonly formatY: (value: number) => string;
  /** Steps of the vertical axis are powers of 1024 and halves of them. */
  readonly binary?: boolean;
  readonly maxX?: number;
  readonly minX?: number;
  readonly maxY?: number;
}

const binarySteps = Array.from({ length: 52 }, (_, power) => 2 ** power);
/** Where nothing happens, the steps of the axis are still told apart by their words. */
const leastTop = 1000;

export function Chart(props: ChartProps) {
  const { label, height, lines, data } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const dark = useDark();
  // Made anew with the scheme alone: colours are the chart's own.
  useEffect(() => {
    const parent = place.current;
    if (parent === null) return;
    const made = new uPlot(
      optionsOf(latest, lines, { width: parent.clientWidth, height }),
      latest.current.data,
      parent,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: parent.clientWidth, height }));
    observer.observe(parent);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [dark, height]);
  useEffect(() => chart.current?.setData(data), [data]);
  return <div class="chart" role="img" aria-label={label} ref={place} style={{ height: `${height}px` }} />;
}

function optionsOf(
  latest: { readonly current: ChartProps },
  lines: readonly ChartLine[],
  size: { readonly width: number; readonly height: number },
): uPlot.Options {
  const axis = {
    stroke: colour("muted"),
    font: `11px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const words =
    (name: "formatX" | "formatY") =>
    (_: uPlot, values: readonly number[]): string[] =>
      values.map((value) => latest.current[name](value));
  return {
    ...size,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: (_, min, max) => [latest.current.minX ?? min, latest.current.maxX ?? max] },
      y: { range: (_, __, max) => [0, latest.current.maxY ?? Math.max(leastTop, max * 1.1)] },
    },
    axes: [
      { ...axis, values: words("formatX"), space: 70, size: 28, grid: { show: false } },
      {
        ...axis,
        values: words("formatY"),
        space: 34,
        size: 66,
        ...(latest.current.binary ? { incrs: binarySteps } : {}),
      },
    ],
    series: [{}, ...lines.map(seriesOf)],
  };
}

function seriesOf({ colour: name, filled, dashed, bars }: ChartLine): uPlot.Series {
  const stroke = colour(name);
  return {
    stroke,
    width: bars ? 0 : 1.5,
    points: { show: false },
    ...(filled || bars ? { fill: bars ? stroke : `color-mix(in srgb, ${stroke} 30%, ${colour("surface")})` } : {}),
    ...(dashed ? { dash: [5, 4] } : {}),
    ...(bars && uPlot.paths.bars !== undefined ? { paths: uPlot.paths.bars({ size: [0.75, 24] }) } : {}),
  };
}
