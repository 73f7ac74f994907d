/** A cluster without ZooKeeper (KRaft): found by a list of brokers, and asked for its leaders itself. */
import { isVeilError } from "../../core/errors.ts";
import type { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import { RecentMap } from "../../core/runtime/recent-map.ts";
import { shuffled } from "./shuffled.ts";
import type { BrokerAddresses, Leader, Leaders } from "./types.ts";

/** A consumer that waits asks again and again; leaders that moved are found by its own Kafka client. */
const TRUST_MS = 1_000;

export class ListedBrokers implements BrokerAddresses {
  readonly name = "brokers";
  readonly #addresses: readonly string[];

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  async addresses(): Promise<string[]> {
    return shuffled(this.#addresses);
  }
}

export class AskedLeaders implements Leaders {
  readonly name = "topic leaders";
  readonly #admin: Pick<KafkaAdmin, "leaders">;
  readonly #known: RecentMap<string, Promise<Leader[] | null>>;

  constructor(options: {
    readonly admin: Pick<KafkaAdmin, "leaders">;
    readonly maxTopics: number;
  }) {
    this.#admin = options.admin;
    this.#known = new RecentMap({ max: options.maxTopics, ttlMs: TRUST_MS });
  }

  async stop(): Promise<void> {}

  async leaders(topic: string): Promise<Leader[] | null> {
    const known = this.#known.get(topic) ?? this.#ask(topic);
    return known;
  }

  #ask(topic: string): Promise<Leader[] | null> {
    const asked = this.#admin.leaders(topic).catch((error: unknown) => {
      if (isVeilError(error, "NOT_FOUND")) return null;
      this.#known.delete(topic);
      throw error;
    });
    this.#known.set(topic, asked);
    return asked;
  }
}
