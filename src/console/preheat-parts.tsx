// How a preheat gets on, and the button that calls it off.

import type { LivePreheat } from "../wire/live.ts";
import { remove } from "./api.ts";
import { ConfirmButton } from "./confirm-button.tsx";
import { formatBytes, nameOf } from "./format.ts";
import { ProgressBar } from "./progress-bar.tsx";

type State = LivePreheat["state"];

const tones: Readonly<Record<State, string>> = {
  waiting: "",
  running: "busy",
  done: "good",
  failed: "bad",
  cancelled: "",
};

export function PreheatChip({ state }: { readonly state: State }) {
  return <span class={`chip ${tones[state]}`}>{state}</span>;
}

export function isOver(state: State): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

export function PreheatProgress({ preheat }: { readonly preheat: LivePreheat }) {
  const { bytes, totalBytes, error, state } = preheat;
  if (error !== undefined) return <span class="under">{error}</span>;
  if (totalBytes === undefined || totalBytes === 0) return <span>{formatBytes(bytes)}</span>;
  const share = state === "done" ? 1 : Math.min(1, bytes / totalBytes);
  return (
    <span class="of">
      <ProgressBar share={share} label={`${formatBytes(bytes)} of ${formatBytes(totalBytes)}`} />
      <span class="under">
        {formatBytes(bytes)} of {formatBytes(totalBytes)}
      </span>
    </span>
  );
}

export function CancelPreheat({ id, preheat }: { readonly id: string; readonly preheat: LivePreheat }) {
  if (isOver(preheat.state)) return null;
  const name = nameOf(preheat.url);
  return (
    <ConfirmButton
      label="Cancel"
      name={`Cancel the preheat of ${name}`}
      title={`Cancel the preheat of ${name}?`}
      confirm="Cancel it"
      act={() => remove(`api/v1/preheats/${id}`)}
    >
      What is on its way and nobody else wants is not fetched on. What is there stays.
    </ConfirmButton>
  );
}
