// The pieces that a host holds, from the first to the last, as a line of light and dark.

import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { colour as colourOf, useDark } from "./hooks.ts";

export interface PieceMapProps {
  /** Bits of cells, least significant first, in base64. */
  readonly map: string | undefined;
  readonly cells: number;
  /** A colour of the style sheet. */
  readonly colour: string;
  /** All is held, whatever the map says. */
  readonly full: boolean;
}

const heightPx = 12;

export const PieceMap = memo(function PieceMap({ map, cells, colour, full }: PieceMapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = useDark();
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (element === null || !context) return;
    const width = Math.max(1, Math.round(element.clientWidth * devicePixelRatio));
    const height = Math.round(heightPx * devicePixelRatio);
    if (element.width !== width || element.height !== height) [element.width, element.height] = [width, height];
    context.fillStyle = colourOf("track");
    context.fillRect(0, 0, width, height);
    context.fillStyle = colourOf(colour);
    if (full) context.fillRect(0, 0, width, height);
    else if (map !== undefined && cells > 0) paint(context, { bits: atob(map), cells, width, height });
  }, [map, cells, colour, full, dark]);
  return <canvas ref={canvas} class="map" />;
});

/** Runs rather than cells: there are far fewer of them. */
function paint(
  context: CanvasRenderingContext2D,
  { bits, cells, width, height }: { bits: string; cells: number; width: number; height: number },
): void {
  const isSet = (cell: number): boolean => (bits.charCodeAt(cell >> 3) & (1 << (cell & 7))) !== 0;
  for (let cell = 0; cell < cells; cell++) {
    if (!isSet(cell)) continue;
    const from = cell;
    while (cell < cells && isSet(cell)) cell++;
    const left = (from / cells) * width;
    context.fillRect(left, 0, Math.max(0.5, (cell / cells) * width - left), height);
  }
}
