/**
 * The bridge's metrics, for Prometheus. Labels come from short fixed lists: no client, no topic, nothing that a peer
 * can choose.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** A number that is asked for when metrics are read. */
export interface GaugeSource {
  /** After `veilmq_bridge_`. */
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<"route" | "status">;
  readonly #refusals: Counter<"code">;
  readonly #matches: Counter<"source">;

  constructor() {
    const registers = [this.#registry];
    this.#requests = new Histogram({
      name: "veilmq_bridge_http_request_seconds",
      help: "HTTP requests by route and status",
      labelNames: ["route", "status"],
      buckets: SECONDS,
      registers,
    });
    this.#refusals = new Counter({
      name: "veilmq_bridge_http_refusals_total",
      help: "HTTP requests refused, by code",
      labelNames: ["code"],
      registers,
    });
    this.#matches = new Counter({
      name: "veilmq_bridge_matches_total",
      help: "tags found for tokens, computed or known",
      labelNames: ["source"],
      registers,
    });
  }

  /** Begins to watch the process itself: its event loop, memory, garbage collection. */
  start(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  gauge({ name, help, read }: GaugeSource): void {
    new Gauge({
      name: `veilmq_bridge_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  request(route: string, status: number, seconds: number): void {
    this.#requests.observe({ route, status: String(status) }, seconds);
  }

  refusal(code: string): void {
    this.#refusals.inc({ code });
  }

  match(source: "computed" | "cached"): void {
    this.#matches.inc({ source });
  }

  /** In Prometheus' text format, and its content type. */
  async read(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
