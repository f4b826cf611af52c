// One number that matters, what it is, and what to know about it.

import type { ComponentChildren } from "preact";

export interface FigureCardProps {
  readonly label: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly tone?: "good" | "bad" | undefined;
}

export function FigureCard({ label, value, note, tone }: FigureCardProps) {
  return (
    <div class={`card figure ${tone ?? ""}`}>
      <dt>{label}</dt>
      <dd>
        <span class="value">{value}</span>
        {note !== undefined && <span class="note">{note}</span>}
      </dd>
    </div>
  );
}
