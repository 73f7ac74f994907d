/**
 * Metrics for Prometheus whose values are read where they are kept, when somebody asks: nothing is counted
 * twice, and nothing runs while nobody asks. No label may hold a topic name, a reading or a key.
 */
import { Counter, Gauge, type Registry } from "prom-client";

export { Registry } from "prom-client";

/** One value of a metric with its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricOptions {
  /** `veilmq_<daemon>_<noun>_<unit>`; a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** Reads the value, or one for each combination of labels. */
  readonly read: () => number | readonly Sample[];
}

/** A value that goes up and down. */
export function addGauge(registry: Registry, options: MetricOptions): void {
  const { name, help, labelNames = [], read } = options;
  new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of samples(read())) this.set(labels, value);
    },
  });
}

/** A value that only grows while the process runs. */
export function addCounter(registry: Registry, options: MetricOptions): void {
  const { name, help, labelNames = [], read } = options;
  new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of samples(read())) this.inc(labels, value);
    },
  });
}

function samples(read: number | readonly Sample[]): readonly Sample[] {
  return typeof read === "number" ? [{ labels: {}, value: read }] : read;
}
