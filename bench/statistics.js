// Of several samples: nothing is concluded from one.

/** @param {readonly number[]} samples */
export function median(samples) {
  return quantile(samples, 0.5);
}

/** Nearest rank. @param {readonly number[]} samples */
export function quantile(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** @param {readonly number[]} samples */
export function mean(samples) {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}
