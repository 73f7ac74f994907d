/** Topics, their settings and their offsets. Every call is one attempt; the caller retries what is retryable. */
import { Brokers } from "./brokers.ts";
import type { Kafka } from "./client.ts";

export class KafkaAdmin {
  readonly #brokers: Brokers;

  constructor(options: { readonly kafka: Kafka }) {
    this.#brokers = new Brokers(options);
  }

  /** The brokers that are up, as `host:port`, and whether one of them leads the cluster. */
  async describeCluster(): Promise<{ brokers: readonly string[]; hasController: boolean }> {
    const { brokers, controllerId } = await this.#brokers.metadata([]);
    return {
      brokers: brokers.map(({ host, port }) => `${host}:${port}`),
      hasController: controllerId >= 0,
    };
  }

  async stop(): Promise<void> {
    this.#brokers.stop();
  }
}
