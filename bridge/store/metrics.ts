/** What is found wrong with topics, in the bridge's own registry. */
import { Counter, type Registry } from "prom-client";

export class StoreMetrics {
  readonly #replicationAlarms: Counter;

  constructor(registry: Registry) {
    this.#replicationAlarms = new Counter({
      name: "veilmq_replication_alarms_total",
      help: "Topics found on fewer brokers than they should be.",
      registers: [registry],
    });
  }

  tooFewReplicas(): void {
    this.#replicationAlarms.inc();
  }
}
