// Who gives to whom now, as a picture: the supernode in the middle, hosts around it, lines as strong as what flows along them. Those who do not see it
// find the same in words beside it.

import { useEffect, useRef } from "preact/hooks";
import { colour, useDark } from "./hooks.ts";
import { shortLabels } from "./host-label.ts";
import type { ChosenHost } from "./piece-maps.tsx";
import type { ShownTask } from "./task-page.tsx";

interface Place {
  readonly x: number;
  readonly y: number;
  readonly angle: number;
}

const heightPx = 372;

export function FeedGraph({ task, chosen, choose }: ChosenHost) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const places = useRef<ReadonlyMap<string, Place>>(new Map());
  const dark = useDark();
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (element === null || !context) return;
    const [width, height] = [element.clientWidth, heightPx];
    const scale = devicePixelRatio;
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (element.width !== w || element.height !== h) [element.width, element.height] = [w, h];
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    places.current = placesOf(task, width, height);
    paint(context, task, { places: places.current, chosen });
  }, [task, chosen, dark]);
  const pick = (event: MouseEvent): void => {
    for (const [id, { x, y }] of places.current) {
      if (id === task.supernode || Math.hypot(event.offsetX - x, event.offsetY - y) > 14) continue;
      return choose(chosen === id ? undefined : id);
    }
  };
  // Hosts are chosen by keyboard in the list of what they hold.
  const label = "Who gives to whom. A host that is chosen in the list above has this told in words below";
  return (
    <canvas
      ref={canvas}
      class="graph"
      style={{ height: `${heightPx}px` }}
      onClick={pick}
      role="img"
      aria-label={label}
    />
  );
}

function placesOf({ hosts, supernode }: ShownTask, width: number, height: number): Map<string, Place> {
  const [cx, cy] = [width / 2, height / 2];
  const ids = Object.keys(hosts).sort();
  const [rx, ry] = [Math.max(60, cx - 120), cy - 34];
  const places = new Map<string, Place>([[supernode, { x: cx, y: cy, angle: 0 }]]);
  for (const [at, id] of ids.entries()) {
    const angle = (at / ids.length) * 2 * Math.PI - Math.PI / 2;
    places.set(id, { x: cx + rx * Math.cos(angle), y: cy + ry * Math.sin(angle), angle });
  }
  return places;
}

interface Scene {
  readonly places: ReadonlyMap<string, Place>;
  readonly chosen: string | undefined;
}

function paint(context: CanvasRenderingContext2D, task: ShownTask, { places, chosen }: Scene): void {
  const colours = { peers: colour("peers"), supernode: colour("supernode"), line: colour("edge") };
  let most = 1;
  for (const { givers } of Object.values(task.hosts)) {
    for (const [, rate = 0] of Object.values(givers)) most = Math.max(most, rate);
  }
  const centre = places.get(task.supernode);
  if (centre === undefined) return;
  for (const [to, { givers }] of Object.entries(task.hosts)) {
    for (const [from, [bytes = 0, rate = 0]] of Object.entries(givers)) {
      const [a, b] = [places.get(from), places.get(to)];
      if (a === undefined || b === undefined || bytes === 0) continue;
      const near = chosen === undefined || chosen === from || chosen === to;
      const strength = rate / most;
      context.globalAlpha = (rate > 0 ? 0.35 + 0.6 * strength : 0.3) * (near ? 1 : 0.12);
      context.strokeStyle = rate === 0 ? colours.line : from === task.supernode ? colours.supernode : colours.peers;
      context.lineWidth = 0.75 + 3 * strength;
      context.beginPath();
      context.moveTo(a.x, a.y);
      // Bent towards the middle, so that there and back are two lines.
      const bend = from === task.supernode ? 0 : 0.16;
      const [mx, my] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
      context.quadraticCurveTo(
        mx + (centre.x - mx) * bend + (a.y - b.y) * 0.06,
        my + (centre.y - my) * bend + (b.x - a.x) * 0.06,
        b.x,
        b.y,
      );
      context.stroke();
    }
  }
  context.globalAlpha = 1;
  paintNodes(context, task, { places, chosen });
}

function paintNodes(context: CanvasRenderingContext2D, task: ShownTask, { places, chosen }: Scene): void {
  const text = colour("text");
  const labels = shortLabels(task.hosts);
  const surface = colour("surface");
  context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  context.textBaseline = "middle";
  const crowded = places.size > 20;
  for (const [id, { x, y, angle }] of places) {
    const seed = id === task.supernode;
    const host = task.hosts[id];
    const share =
      host === undefined || host.state === "complete" ? 1 : host.held / (task.pieces ?? Number.POSITIVE_INFINITY);
    const radius = seed ? 13 : id === chosen ? 9 : crowded ? 6 : 8;
    const main = colour(seed ? "supernode" : "peers");
    disc(context, { x, y, radius, fill: surface });
    context.strokeStyle = colour("edge");
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
    context.strokeStyle = main;
    context.beginPath();
    context.arc(x, y, radius, -Math.PI / 2, -Math.PI / 2 + share * 2 * Math.PI);
    context.stroke();
    disc(context, { x, y, radius: Math.max(2, radius - 4), fill: share === 1 || seed ? main : surface });
    if (seed || (crowded && id !== chosen)) continue;
    context.fillStyle = text;
    const right = Math.cos(angle) >= -0.01;
    context.textAlign = Math.abs(Math.cos(angle)) < 0.15 ? "center" : right ? "left" : "right";
    const away = context.textAlign === "center" ? 0 : right ? radius + 6 : -radius - 6;
    const below = context.textAlign === "center" ? Math.sign(Math.sin(angle)) * (radius + 11) : 0;
    context.fillText(labels.get(id) ?? "", x + away, y + below);
  }
}

function disc(context: CanvasRenderingContext2D, at: { x: number; y: number; radius: number; fill: string }): void {
  context.fillStyle = at.fill;
  context.beginPath();
  context.arc(at.x, at.y, at.radius, 0, 2 * Math.PI);
  context.fill();
}
