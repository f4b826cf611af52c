// A process's numbers for Prometheus: the registry they stand in, and how it is read.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

export class Metrics {
  readonly registry = new Registry();
  #watched = false;

  /** What Prometheus reads. The process's own numbers are watched from the first time on, because that takes a timer every 10 ms. */
  exposition(): Promise<string> {
    if (!this.#watched) collectDefaultMetrics({ register: this.registry });
    this.#watched = true;
    return this.registry.metrics();
  }

  protected counter<Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  /** A number that is asked for whenever it is read. */
  protected gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }
}
