/**
 * What one topic is called in Kafka in one epoch: asked of the bridge by trapdoor, remembered, and begun to be read.
 * When the epoch's grace window is over no bridge tells any more, but the keys of what was not read yet are still released:
 * then the remembered name is read.
 */
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { BridgeClient } from "./bridge-client.ts";
import type { KnownNames } from "./known-names.ts";
import type { EpochScheme } from "./scheme.ts";

/** For a name that no bridge matches any more and that Kafka does not know: it was deleted there. */
export const MAX_ATTEMPTS_AT_UNMATCHED = 10;

/** A name that is to be read from now on. */
export interface FoundName {
  readonly kafkaTopic: string;
  readonly scheme: EpochScheme;
  /** Where Kafka can be found. */
  readonly addresses: readonly string[];
  /** It came while this consumer ran: all of it is to be read. */
  readonly isNew: boolean;
}

export interface TopicNameOptions {
  /** The topic in clear. */
  readonly topic: string;
  readonly scheme: EpochScheme;
  readonly bridge: Pick<BridgeClient, "match" | "brokers">;
  readonly names: KnownNames;
  /** Its epoch came while this consumer ran. */
  readonly isNew: boolean;
  /** Whether there is no newer epoch. */
  readonly isNewest: () => boolean;
  /** Begins to read; one attempt. Throws NOT_FOUND while Kafka does not know the name. */
  readonly begin: (name: FoundName) => Promise<void>;
  /** A bridge says that the epoch is not in force. */
  readonly onEpochRefused: () => void;
  readonly log: Logger;
}

/** `sought`: asked for until it is there. `read`: it is. `over`: nothing more can come of it. */
export type NameState = "sought" | "read" | "over";

/** Where a name is. */
interface Located {
  readonly kafkaTopic: string;
  readonly addresses: readonly string[];
  readonly isRemembered: boolean;
}

export class TopicName {
  readonly #options: TopicNameOptions;
  #state: NameState = "sought";
  #kafkaTopic: string | undefined;
  #isNew: boolean;
  #isRefused = false;
  /** How often Kafka did not know it. */
  #unknown = 0;
  /** The attempt that is under way. */
  #seeking: Promise<NameState> | undefined;

  constructor(options: TopicNameOptions) {
    this.#options = options;
    this.#isNew = options.isNew;
  }

  get epoch(): number {
    return this.#options.scheme.realm.epoch;
  }

  get state(): NameState {
    return this.#state;
  }

  /** `undefined` until it is known. */
  get kafkaTopic(): string | undefined {
    return this.#kafkaTopic;
  }

  /** A bridge says that its epoch is not in force. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Whether a bridge still tells of it. Throws as `match`. */
  async isMatched(): Promise<boolean> {
    const found = await this.#locate();
    return found !== null && !found.isRemembered;
  }

  /** Nothing more of it is read. */
  end(): void {
    this.#state = "over";
  }

  /** One attempt, or the one that is under way. `sought`: it is not there. Throws as `match`, and what is retryable. */
  async seek(): Promise<NameState> {
    if (this.#state !== "sought") return this.#state;
    this.#seeking ??= this.#seek().finally(() => {
      this.#seeking = undefined;
    });
    return this.#seeking;
  }

  async #seek(): Promise<NameState> {
    const found = await this.#locate();
    if (!found) {
      this.#isNew = true;
      return this.#state;
    }
    const { topic, scheme, names, begin, log } = this.#options;
    const { epoch } = this;
    // Before the first batch of it can come.
    this.#kafkaTopic = found.kafkaTopic;
    await names.remember({ topic, epoch, kafkaTopic: found.kafkaTopic });
    try {
      await begin({ ...found, scheme, isNew: this.#isNew });
    } catch (error) {
      if (!isVeilError(error, "NOT_FOUND")) throw error;
      if (found.isRemembered && ++this.#unknown >= MAX_ATTEMPTS_AT_UNMATCHED) {
        log.error({ epoch }, "Kafka has no records of an older epoch any more");
        this.end();
        return this.#state;
      }
      // The bridge has seen it in ZooKeeper: a broker that has just started does not know all topics yet.
      throw new VeilError("UNAVAILABLE", "Kafka does not know the topic yet", { cause: error });
    }
    this.#state = "read";
    return this.#state;
  }

  /** `null`: it is not there; for good, where that ends it. */
  async #locate(): Promise<Located | null> {
    const { topic, scheme, bridge, names, isNewest, onEpochRefused } = this.#options;
    try {
      const match = await bridge.match(this.epoch, await scheme.trapdoor(topic));
      if (!match) return null;
      this.#isRefused = false;
      const { topic_name: kafkaTopic, brokerAddress, partitions } = match;
      const leaders = partitions.flatMap(({ leader }) => leader ?? []);
      return { kafkaTopic, addresses: [brokerAddress, ...leaders], isRemembered: false };
    } catch (error) {
      if (!isVeilError(error, "EPOCH")) throw error;
      this.#isRefused = true;
      onEpochRefused();
    }
    const kafkaTopic = names.find(topic, this.epoch);
    if (kafkaTopic) return { kafkaTopic, addresses: await bridge.brokers(), isRemembered: true };
    // The newest may be in force in a moment, at this bridge; until then, mail may bring a newer one.
    if (!isNewest()) this.end();
    return null;
  }
}
