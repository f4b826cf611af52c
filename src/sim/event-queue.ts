// What is to happen next, in virtual time: a four-ary heap over typed arrays, because a large run has a hundred million events and an
// object for each would be most of its cost. Events of the same time come out in the order in which they went in.

const ARITY = 4;
/** Numbers kept of an event; five are used, and eight fill half of a line of the processor's cache. */
const FACTS = 8;

export class EventQueue {
  /** The event that `next` has taken. */
  timeMs = 0;
  kind = 0;
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  payload: unknown = undefined;

  #size = 0;
  #sequence = 0;
  #times = new Float64Array(1024);
  #orders = new Float64Array(1024);
  #slots = new Int32Array(1024);
  /** By slot: the kind and the four numbers, side by side. */
  #facts = new Int32Array(1024 * FACTS);
  readonly #payloads: unknown[] = [];
  readonly #free: number[] = [];
  #taken = 0;

  get size(): number {
    return this.#size;
  }

  /** Events taken so far. */
  get taken(): number {
    return this.#taken;
  }

  /** Six numbers and not an object, for no event may cost an allocation. */
  push(timeMs: number, kind: number, a: number, b = 0, c = 0, d = 0): void {
    const slot = this.#slot();
    const facts = this.#facts;
    const at = slot * FACTS;
    facts[at] = kind;
    facts[at + 1] = a;
    facts[at + 2] = b;
    facts[at + 3] = c;
    facts[at + 4] = d;
    this.#insert(timeMs, slot);
  }

  /** The same with a value that does not fit into an integer. */
  pushWith(timeMs: number, kind: number, ends: readonly [number, number], payload: unknown): void {
    const slot = this.#slot();
    const at = slot * FACTS;
    this.#facts[at] = kind;
    this.#facts[at + 1] = ends[0];
    this.#facts[at + 2] = ends[1];
    this.#payloads[slot] = payload;
    this.#insert(timeMs, slot);
  }

  /** Takes the earliest event into the fields above; false when there is none. */
  next(): boolean {
    if (this.#size === 0) return false;
    const slot = this.#slots[0] as number;
    this.timeMs = this.#times[0] as number;
    const facts = this.#facts;
    const at = slot * FACTS;
    this.kind = facts[at] as number;
    this.a = facts[at + 1] as number;
    this.b = facts[at + 2] as number;
    this.c = facts[at + 3] as number;
    this.d = facts[at + 4] as number;
    this.payload = this.#payloads[slot];
    if (this.payload !== undefined) this.#payloads[slot] = undefined;
    this.#free.push(slot);
    this.#taken++;
    this.#removeFirst();
    return true;
  }

  #slot(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const slot = this.#payloads.length;
    this.#payloads.push(undefined);
    if (slot >= this.#times.length) this.#grow();
    return slot;
  }

  #insert(timeMs: number, slot: number): void {
    const times = this.#times;
    const orders = this.#orders;
    const slots = this.#slots;
    const order = this.#sequence++;
    let at = this.#size++;
    while (at > 0) {
      // The new event is the youngest, so among equals it stays below.
      const parent = ((at - 1) / ARITY) | 0;
      if ((times[parent] as number) <= timeMs) break;
      times[at] = times[parent] as number;
      orders[at] = orders[parent] as number;
      slots[at] = slots[parent] as number;
      at = parent;
    }
    times[at] = timeMs;
    orders[at] = order;
    slots[at] = slot;
  }

  #removeFirst(): void {
    const times = this.#times;
    const orders = this.#orders;
    const slots = this.#slots;
    const size = --this.#size;
    const time = times[size] as number;
    const order = orders[size] as number;
    let at = 0;
    for (;;) {
      const first = at * ARITY + 1;
      if (first >= size) break;
      let least = first;
      let leastTime = times[first] as number;
      const end = Math.min(first + ARITY, size);
      for (let child = first + 1; child < end; child++) {
        const childTime = times[child] as number;
        if (childTime > leastTime) continue;
        if (childTime === leastTime && (orders[child] as number) > (orders[least] as number)) continue;
        least = child;
        leastTime = childTime;
      }
      if (leastTime > time || (leastTime === time && (orders[least] as number) > order)) break;
      times[at] = leastTime;
      orders[at] = orders[least] as number;
      slots[at] = slots[least] as number;
      at = least;
    }
    times[at] = time;
    orders[at] = order;
    slots[at] = slots[size] as number;
  }

  #grow(): void {
    const length = this.#times.length * 2;
    this.#times = extended(new Float64Array(length), this.#times);
    this.#orders = extended(new Float64Array(length), this.#orders);
    this.#slots = extended(new Int32Array(length), this.#slots);
    this.#facts = extended(new Int32Array(length * FACTS), this.#facts);
  }
}

function extended<T extends Float64Array | Int32Array>(into: T, from: T): T {
  into.set(from);
  return into;
}
