// The simulated supernode: production's scheduler, with its effects performed as messages in virtual time, and the reading of the origin
// into the seeds, told to the hosts as the manifest grows.

import type { Audience } from "../core/ids.ts";
import { seededRandom } from "../core/random.ts";
import { Scheduler } from "../core/scheduler.ts";
import type { SchedulerEffect, SchedulerEvent } from "../core/scheduler-event.ts";
import { Telling } from "../core/telling.ts";
import { pieceBytes } from "../core/version.ts";
import { eventKind } from "./event-kind.ts";
import type { Scenario } from "./scenario.ts";
import type { Uploader } from "./uploader.ts";
import type { World } from "./world.ts";

export const everybody = "" as Audience;

export class SimSupernode {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #seeds: readonly Uploader[];
  readonly #scheduler: Scheduler;
  #wakeMs = Number.POSITIVE_INFINITY;
  #landed = 0;
  #told = 0;
  readonly #telling = new Telling();
  #tellsSoon = false;

  constructor(world: World, scenario: Scenario, seeds: readonly Uploader[]) {
    this.#world = world;
    this.#scenario = scenario;
    this.#seeds = seeds;
    this.#scheduler = new Scheduler({ random: seededRandom(scenario.seed + 1), freshnessMs: 60_000 });
  }

  /** Pieces that the manifest names. */
  get knownPieces(): number {
    return this.#told;
  }

  step(event: SchedulerEvent): void {
    for (const effect of this.#scheduler.step(event, this.#world.nowMs)) this.#perform(effect);
    const wakeMs = this.#scheduler.nextWake();
    if (wakeMs >= this.#wakeMs) return;
    this.#wakeMs = wakeMs;
    this.#world.queue.push(wakeMs, eventKind.schedulerWake, 0);
  }

  wake(): void {
    this.#wakeMs = Number.POSITIVE_INFINITY;
    this.step({ type: "wake" });
  }

  /** A piece was read from the origin. */
  landed(piece: number): void {
    for (const seed of this.#seeds) seed.landed(piece);
    this.#landed = piece + 1;
    if (this.#tellsSoon) return;
    this.#tellsSoon = true;
    const { queue, nowMs } = this.#world;
    const given = Math.max(...this.#seeds.map(({ distinctGiven }) => distinctGiven));
    queue.push(this.#telling.dueMs(this.#landed - given, nowMs), eventKind.manifest, 0);
  }

  tellManifest(): void {
    const { queue, nowMs, latencyMs } = this.#world;
    this.#tellsSoon = false;
    this.#telling.told(nowMs);
    queue.push(nowMs + latencyMs, eventKind.known, this.#told, this.#landed);
    this.#told = this.#landed;
  }

  #startReading(): void {
    const { file, nowMs, latencyMs, queue } = this.#world;
    const { originRate, seedUp, seeds } = this.#scenario;
    const rate = (originRate ?? seedUp * seeds) / 1000;
    let atMs = nowMs + 2 * latencyMs;
    for (let piece = 0; piece < file.pieces; piece++) {
      atMs += pieceBytes(file, piece) / rate;
      queue.push(atMs, eventKind.landed, piece);
    }
  }

  #perform(effect: SchedulerEffect): void {
    const { file, nowMs, latencyMs, queue } = this.#world;
    switch (effect.type) {
      case "probe":
        return queue.pushWith(nowMs + 2 * latencyMs, eventKind.control, [0, 0], {
          type: "probed",
          task: file.task,
          audience: everybody,
          version: file.version,
        });
      case "start-seed":
        return this.#startReading();
      case "admit":
      case "introduce": {
        const first = effect.type === "admit" ? 1 : 0;
        const ends = [this.#world.number(effect.host), first] as const;
        return queue.pushWith(nowMs + latencyMs, eventKind.introduce, ends, effect.neighbours);
      }
      case "drop": {
        const to = this.#world.number(effect.host);
        return this.#world.tell(eventKind.drop, to, this.#world.number(effect.neighbour));
      }
      default:
        return;
    }
  }
}
