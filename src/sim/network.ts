// The simulated network: each node has an uplink that sends one admitted transfer after another, block by block, and a downlink that
// all blocks for it pass in the order they come; between them lies the latency and, where racks are capped, the two racks' links.
// Nothing is lost and nothing is shared fairly: a block waits for those before it.

import { eventKind } from "./event-kind.ts";
import type { EventQueue } from "./event-queue.ts";
import { TransferTable } from "./transfer-table.ts";

export interface NetworkOptions {
  readonly nodes: number;
  readonly latencyMs: number;
  readonly blockBytes: number;
  readonly racks: number;
  /** Bytes a millisecond between a rack and the others, each way; 0 is unlimited. */
  readonly rackRate: number;
}

const tellEveryMs = 50;

export class Network {
  readonly transfers = new TransferTable();
  /** Bytes a millisecond, by node. */
  readonly upRate: Float64Array;
  readonly downRate: Float64Array;
  readonly rack: Int32Array;
  /** Until when a node's uplink stands still. */
  readonly stalledUntilMs: Float64Array;
  /** Bytes that have come down to a node, of any use or none. */
  readonly downBytes: Float64Array;
  readonly #queue: EventQueue;
  readonly #options: NetworkOptions;
  readonly #tell: (transfer: number) => void;
  readonly #downFreeMs: Float64Array;
  readonly #rackOutFreeMs: Float64Array;
  readonly #rackInFreeMs: Float64Array;
  /** The transfer on each uplink, -1 for none; and those behind it. */
  readonly #onUplink: Int32Array;
  readonly #lines: number[][] = [];

  /** `tell` hears of progress in a transfer, now and then while its bytes come. */
  constructor(queue: EventQueue, options: NetworkOptions, tell: (transfer: number) => void) {
    this.#queue = queue;
    this.#options = options;
    this.#tell = tell;
    const { nodes, racks } = options;
    this.upRate = new Float64Array(nodes);
    this.downRate = new Float64Array(nodes);
    this.rack = new Int32Array(nodes);
    this.stalledUntilMs = new Float64Array(nodes);
    this.downBytes = new Float64Array(nodes);
    this.#downFreeMs = new Float64Array(nodes);
    this.#rackOutFreeMs = new Float64Array(racks);
    this.#rackInFreeMs = new Float64Array(racks);
    this.#onUplink = new Int32Array(nodes).fill(-1);
    for (let node = 0; node < nodes; node++) this.#lines.push([]);
  }

  /** Puts an admitted piece in the sender's line, a fresh one before those that are not. */
  send(ends: readonly [from: number, to: number], piece: number, bytes: number, fresh: boolean): void {
    const transfer = this.transfers.add(ends, piece, bytes, fresh);
    const line = this.#lines[ends[0]] as number[];
    let at = line.length;
    if (fresh) while (at > 0 && this.transfers.fresh[line[at - 1] as number] === 0) at--;
    line.splice(at, 0, transfer);
    if (this.#onUplink[ends[0]] === -1) this.#startNext(ends[0]);
  }

  /** The transfer of a piece that is not wholly sent yet; -1 when there is none. */
  find(from: number, to: number, piece: number): number {
    const { to: tos, piece: pieces } = this.transfers;
    const current = this.#onUplink[from] as number;
    if (current >= 0 && tos[current] === to && pieces[current] === piece && !this.cancelled(current)) return current;
    const line = this.#lines[from] as number[];
    return line.find((transfer) => tos[transfer] === to && pieces[transfer] === piece) ?? -1;
  }

  /** What a node has still to send, the one on the wire included. */
  line(from: number): readonly number[] {
    const current = this.#onUplink[from] as number;
    const behind = this.#lines[from] as number[];
    return current < 0 || this.cancelled(current) ? [...behind] : [current, ...behind];
  }

  cancelled(transfer: number): boolean {
    return this.transfers.stopMs[transfer] !== Number.POSITIVE_INFINITY;
  }

  /** Stops a transfer at its sender: at once while it waits, else after the block on the wire. */
  cancel(transfer: number): void {
    const table = this.transfers;
    const from = table.from[transfer] as number;
    if (table.begun[transfer] === 0) {
      const line = this.#lines[from] as number[];
      line.splice(line.indexOf(transfer), 1);
      table.remove(transfer);
      return;
    }
    const blockMs = this.#options.blockBytes / (this.upRate[from] as number);
    const startedMs = table.startedMs[transfer] as number;
    const blocks = Math.max(1, Math.ceil((this.#queue.timeMs - startedMs) / blockMs));
    const wholeMs = (table.bytes[transfer] as number) / (this.upRate[from] as number);
    table.stopMs[transfer] = startedMs + Math.min(wholeMs, blocks * blockMs);
    this.#push(table.stopMs[transfer] as number, eventKind.uplinkFree, transfer);
  }

  onUplinkFree(transfer: number): void {
    const from = this.transfers.from[transfer] as number;
    const stalledUntilMs = this.stalledUntilMs[from] as number;
    if (stalledUntilMs > this.#queue.timeMs) this.#push(stalledUntilMs, eventKind.uplinkFree, transfer);
    else if (this.#onUplink[from] === transfer) this.#startNext(from);
    this.transfers.eventOver(transfer);
  }

  onBlock(transfer: number): void {
    const table = this.transfers;
    const now = this.#queue.timeMs;
    const from = table.from[transfer] as number;
    const stalledUntilMs = this.stalledUntilMs[from] as number;
    if (stalledUntilMs > now) this.#push(stalledUntilMs, eventKind.block, transfer);
    else if (now - this.#options.latencyMs <= (table.stopMs[transfer] as number) + 1e-6) {
      const bytes = this.#nextBlockBytes(transfer);
      const left = (table.blocksLeft[transfer] as number) - 1;
      table.blocksLeft[transfer] = left;
      if (left > 0) {
        this.#push(now + this.#nextBlockBytes(transfer) / (this.upRate[from] as number), eventKind.block, transfer);
      }
      if (this.#crossesRacks(transfer)) this.#leaveRack(transfer, bytes);
      else this.#enterDownlink(transfer, bytes, left === 0);
    }
    table.eventOver(transfer);
  }

  /** Calls the event that ends a transfer at its receiver, and frees its row after it. */
  expectTaken(transfer: number, timeMs: number): void {
    this.#push(timeMs, eventKind.taken, transfer);
  }

  /** A block has left its rack and enters the receiver's. Of the last block of a transfer the size is told negative. */
  onRackOut(transfer: number, size: number): void {
    const bytes = Math.abs(size);
    const rack = this.rack[this.transfers.to[transfer] as number] as number;
    const freeMs = Math.max(this.#rackInFreeMs[rack] as number, this.#queue.timeMs) + bytes / this.#options.rackRate;
    this.#rackInFreeMs[rack] = freeMs;
    this.#push(freeMs, eventKind.rackIn, transfer, size);
    this.transfers.eventOver(transfer);
  }

  onRackIn(transfer: number, size: number): void {
    this.#enterDownlink(transfer, Math.abs(size), size < 0);
    this.transfers.eventOver(transfer);
  }

  #push(timeMs: number, kind: number, transfer: number, bytes = 0): void {
    this.transfers.expectEvent(transfer);
    this.#queue.push(timeMs, kind, transfer, bytes);
  }

  #startNext(from: number): void {
    const transfer = (this.#lines[from] as number[]).shift() ?? -1;
    this.#onUplink[from] = transfer;
    if (transfer < 0) return;
    const table = this.transfers;
    const now = this.#queue.timeMs;
    const bytes = table.bytes[transfer] as number;
    const rate = this.upRate[from] as number;
    table.begun[transfer] = 1;
    table.startedMs[transfer] = now;
    table.blocksLeft[transfer] = Math.max(1, Math.ceil(bytes / this.#options.blockBytes));
    const firstMs = this.#nextBlockBytes(transfer) / rate;
    this.#push(now + firstMs + this.#options.latencyMs, eventKind.block, transfer);
    this.#push(now + bytes / rate, eventKind.uplinkFree, transfer);
  }

  #nextBlockBytes(transfer: number): number {
    const { blockBytes } = this.#options;
    if ((this.transfers.blocksLeft[transfer] as number) > 1) return blockBytes;
    return (((this.transfers.bytes[transfer] as number) - 1) % blockBytes) + 1;
  }

  #crossesRacks(transfer: number): boolean {
    if (this.#options.rackRate === 0) return false;
    const { from, to } = this.transfers;
    return this.rack[from[transfer] as number] !== this.rack[to[transfer] as number];
  }

  #leaveRack(transfer: number, bytes: number): void {
    const rack = this.rack[this.transfers.from[transfer] as number] as number;
    const freeMs = Math.max(this.#rackOutFreeMs[rack] as number, this.#queue.timeMs) + bytes / this.#options.rackRate;
    this.#rackOutFreeMs[rack] = freeMs;
    const last = this.transfers.blocksLeft[transfer] === 0;
    this.#push(freeMs, eventKind.rackOut, transfer, last ? -bytes : bytes);
  }

  #enterDownlink(transfer: number, bytes: number, last: boolean): void {
    const table = this.transfers;
    const now = this.#queue.timeMs;
    const to = table.to[transfer] as number;
    const freeMs = Math.max(this.#downFreeMs[to] as number, now) + bytes / (this.downRate[to] as number);
    this.#downFreeMs[to] = freeMs;
    this.downBytes[to] = (this.downBytes[to] as number) + bytes;
    if (last) this.#push(freeMs, eventKind.arrived, transfer);
    else if (now - (table.toldMs[transfer] as number) >= tellEveryMs) {
      table.toldMs[transfer] = now;
      this.#tell(transfer);
    }
  }
}
