// Chance as an argument: the core takes one of these, so that a test, a simulation and production differ in the seed alone.

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, below). */
  integer(below: number): number;
}

/** A small fast generator (sfc32, Chris Doty-Humphrey, PractRand); not for secrets. */
export function seededRandom(seed: number): Random {
  let a = seed | 0;
  let b = 0x9e3779b9;
  let c = 0x243f6a88;
  let counter = 1;
  const draw = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) draw();
  return {
    next: () => draw() / 4294967296,
    integer: (below) => Math.floor((draw() / 4294967296) * below),
  };
}

/** Moves `count` members, chosen at random, to the front of the array and returns them. */
export function sample<T>(random: Random, items: T[], count: number): T[] {
  const take = Math.min(count, items.length);
  for (let i = 0; i < take; i++) {
    const j = i + random.integer(items.length - i);
    const held = items[i] as T;
    items[i] = items[j] as T;
    items[j] = held;
  }
  return items.slice(0, take);
}
