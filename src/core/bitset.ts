// A growable set of piece indexes in 32-bit words. Bits past the end read as absent, so a set need not know how long its file is.

export class Bitset {
  #words: Uint32Array;
  #count = 0;

  constructor(capacity = 0) {
    this.#words = new Uint32Array((capacity + 31) >>> 5);
  }

  /** How many members there are. */
  get count(): number {
    return this.#count;
  }

  /** The words themselves, for loops that combine sets; 32 indexes a word, least significant bit first. */
  get words(): Readonly<Uint32Array> {
    return this.#words;
  }

  /** The same, as a part of a larger array. */
  get row(): { readonly words: Readonly<Uint32Array>; readonly start: number; readonly length: number } {
    return { words: this.#words, start: 0, length: this.#words.length };
  }

  has(index: number): boolean {
    const word = this.#words[index >>> 5];
    return word !== undefined && (word & (1 << (index & 31))) !== 0;
  }

  /** Returns whether the set changed. */
  add(index: number): boolean {
    const at = index >>> 5;
    if (at >= this.#words.length) this.#grow(at + 1);
    const bit = 1 << (index & 31);
    const word = this.#words[at] ?? 0;
    if (word & bit) return false;
    this.#words[at] = word | bit;
    this.#count++;
    return true;
  }

  /** Returns whether the set changed. */
  delete(index: number): boolean {
    if (!this.has(index)) return false;
    const at = index >>> 5;
    this.#words[at] = (this.#words[at] ?? 0) & ~(1 << (index & 31));
    this.#count--;
    return true;
  }

  addRange(from: number, to: number): void {
    if (to > from) this.add(to - 1);
    for (let i = from; i < to; i++) this.add(i);
  }

  /** Takes out every member of the other set. */
  deleteAll(other: Bitset): void {
    for (const index of other) this.delete(index);
  }

  clear(): void {
    this.#words.fill(0);
    this.#count = 0;
  }

  copy(): Bitset {
    const copy = new Bitset();
    copy.#words = this.#words.slice();
    copy.#count = this.#count;
    return copy;
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (let at = 0; at < this.#words.length; at++) {
      let word = this.#words[at] ?? 0;
      while (word !== 0) {
        const low = word & -word;
        yield (at << 5) + (31 - Math.clz32(low));
        word ^= low;
      }
    }
  }

  /** Little-endian bits in as many bytes as `length` bits need: the form on the wire and in the journal. */
  toBytes(length: number): Uint8Array {
    const bytes = new Uint8Array((length + 7) >>> 3);
    for (const index of this) if (index < length) bytes[index >>> 3] = (bytes[index >>> 3] ?? 0) | (1 << (index & 7));
    return bytes;
  }

  static fromBytes(bytes: Uint8Array): Bitset {
    const set = new Bitset(bytes.length * 8);
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      set.#words[at >>> 2] = (set.#words[at >>> 2] ?? 0) | (byte << ((at & 3) << 3));
      for (let rest = byte; rest !== 0; rest &= rest - 1) set.#count++;
    }
    return set;
  }

  static of(...indexes: readonly number[]): Bitset {
    const set = new Bitset();
    for (const index of indexes) set.add(index);
    return set;
  }

  #grow(words: number): void {
    const grown = new Uint32Array(Math.max(words, this.#words.length * 2));
    grown.set(this.#words);
    this.#words = grown;
  }
}
