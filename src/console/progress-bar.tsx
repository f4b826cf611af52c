// How much of something is there.

import { formatPercent } from "./format.ts";

export function ProgressBar({ share, label }: { readonly share: number; readonly label: string }) {
  return (
    <span class="progress">
      <progress value={share} max={1} aria-label={label} />
      <span>{formatPercent(share)}</span>
    </span>
  );
}
