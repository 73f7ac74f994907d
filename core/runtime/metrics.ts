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
  new Gauge({
    ...describe(registry, options),
    collect() {
      this.reset();
      for (const { labels, value } of samples(options)) this.set(labels, value);
    },
  });
}

/** A value that only grows while the process runs. */
export function addCounter(registry: Registry, options: MetricOptions): void {
  new Counter({
    ...describe(registry, options),
    collect() {
      this.reset();
      for (const { labels, value } of samples(options)) this.inc(labels, value);
    },
  });
}

function describe(registry: Registry, { name, help, labelNames = [] }: MetricOptions) {
  return { name, help, labelNames: [...labelNames], registers: [registry] };
}

function samples({ read }: MetricOptions): readonly Sample[] {
  const value = read();
  return typeof value === "number" ? [{ labels: {}, value }] : value;
}
