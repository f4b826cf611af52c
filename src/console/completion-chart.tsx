// How much the hosts have received over time, and how much they could have at best.

import type uPlot from "uplot";
import { Chart } from "./chart.tsx";
import { Empty } from "./empty.tsx";
import { formatPercent } from "./format.ts";
import type { ShownTask } from "./task-page.tsx";

const limits = {
  source: "the origin",
  downlink: "the hosts' downlinks",
  uplinks: "all uplinks together",
} as const;

export function CompletionChart({ task: { curve, missing, bound } }: { readonly task: ShownTask }) {
  const received = curve.at(-1)?.[1] ?? 0;
  const wanted = received + missing;
  if (curve.length < 2 || wanted === 0) return <Empty title="Nothing was received since the supernode started" />;
  const boundSeconds = bound === undefined ? 0 : bound.ms / 1000;
  const endSeconds = (curve.at(-1)?.[0] ?? 0) / 1000;
  const maxX = Math.max(1, endSeconds, boundSeconds) * 1.03;
  const data = alignedCurves(curve, { wanted, boundSeconds, maxX });
  const said = bound === undefined ? "" : ` The bound is ${boundSeconds.toFixed(1)} s, set by ${limits[bound.by]}.`;
  return (
    <>
      <ul class="legend">
        <li>
          <i class="peers" aria-hidden="true" />
          <span>
            received <b>{formatPercent(received / wanted)}</b> in {endSeconds.toFixed(1)} s
          </span>
        </li>
        {bound !== undefined && (
          <li title="No scheme is faster, if each host were as fast as the fastest was">
            <i class="bound" aria-hidden="true" />
            <span>
              bound <b>{boundSeconds.toFixed(1)} s</b>, set by {limits[bound.by]}
            </span>
          </li>
        )}
      </ul>
      <Chart
        label={`After ${endSeconds.toFixed(1)} s the hosts have ${formatPercent(received / wanted)} of what they want.${said}`}
        height={360}
        lines={[
          { colour: "peers", filled: true },
          { colour: "bound", dashed: true },
        ]}
        data={data}
        formatX={(seconds) => `${seconds} s`}
        formatY={(share) => `${Math.round(share * 100)}%`}
        minX={0}
        maxX={maxX}
        maxY={1.04}
      />
    </>
  );
}

/** Both over the same times: those of the curve and the corners of the bound. */
function alignedCurves(
  curve: ShownTask["curve"],
  { wanted, boundSeconds, maxX }: { wanted: number; boundSeconds: number; maxX: number },
): uPlot.AlignedData {
  const bySecond = new Map(curve.map(([ms = 0, bytes = 0]) => [ms / 1000, bytes / wanted]));
  const corners = boundSeconds > 0 ? [0, boundSeconds, maxX] : [];
  const x = [...new Set([...bySecond.keys(), ...corners])].sort((a, b) => a - b);
  const received = x.map((second) => bySecond.get(second));
  const best = x.map((second) => (boundSeconds > 0 ? Math.min(1, second / boundSeconds) : undefined));
  // A gap where the curve says nothing would break the line; undefined does not.
  return [x, received, best] as unknown as uPlot.AlignedData;
}
