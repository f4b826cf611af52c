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

  /** With a label, told from the start for each of its values: a number that appears only when it is 1 never rises. */
  protected counter<Label extends string>(
    name: string,
    help: string,
    label?: readonly [name: Label, ...values: string[]],
  ): Counter<Label> {
    const [labelName, ...values] = label ?? [];
    const labelNames = labelName === undefined ? [] : [labelName];
    const counter = new Counter({ name, help, labelNames, registers: [this.registry] });
    if (labelName !== undefined) for (const value of values) counter.labels(value).inc(0);
    return counter;
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
