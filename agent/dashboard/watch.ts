/** From the consumer to the board: what was read, how far it is, and how the hops are. */

import { isVeilError } from "../../core/errors.ts";
import { readRecordAt } from "../../core/ports/kafka/record-at.ts";
import type { KafkaMessage } from "../../core/ports/kafka/record-batch.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Credential } from "../../core/wire/credential.ts";
import type { Access } from "../consumer/config.ts";
import { Consumer } from "../consumer/consumer.ts";
import type { Reading } from "../consumer/reading.ts";
import type { ReadingSink } from "../consumer/reading-sink.ts";
import type { CredentialStore } from "../credential-store.ts";
import type { Board } from "./board.ts";
import { HopStatus } from "./hop-status.ts";
import { Intake } from "./intake.ts";
import type { HopView, TopicView, Update } from "./wire.ts";

export interface WatchOptions {
  readonly credential: Credential;
  readonly credentialStore: CredentialStore;
  /** How the bridge and Kafka want to be logged in to, beyond the credential. */
  readonly access: Access;
  readonly topics: readonly string[];
  readonly board: Board;
  /** How much of Kafka's past is read at the start. */
  readonly historyMs: number;
  readonly maxHistoryRecords: number;
  readonly log: Logger;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #intake: Intake;
  readonly #hops = new HopStatus();
  readonly #consumer: Consumer;
  #ended: Update["ended"] = null;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#intake = new Intake({
      topics: options.topics,
      board: options.board,
      positions: () => this.#consumer.positions,
    });
    this.#consumer = this.#createConsumer();
  }

  /** Reads until `signal` aborts. Throws REVOKED, AUTH and what else ends a consumer; it is shown as well. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#consumer.run(signal);
    } catch (error) {
      const known = isVeilError(error);
      const message = known ? error.message : "an internal error";
      this.#ended = { code: known ? error.code : "INTERNAL", message };
      throw error;
    }
  }

  get ended(): Update["ended"] {
    return this.#ended;
  }

  newest(topic: string): Reading | null {
    return this.#intake.newest(topic);
  }

  /** Asks Kafka for the record of a reading. */
  async record({ kafkaTopic: topic, partition, offset }: Reading): Promise<KafkaMessage | null> {
    return readRecordAt(this.#consumer.kafka, { topic, partition, offset });
  }

  topics(): TopicView[] {
    return this.#intake.views(Date.now());
  }

  hops(): HopView[] {
    return this.#hops.views(Date.now());
  }

  #createConsumer(): Consumer {
    const { credential, credentialStore, access, topics, log } = this.#options;
    const { historyMs, maxHistoryRecords } = this.#options;
    const from = { sinceMs: Date.now() - historyMs, maxRecords: maxHistoryRecords };
    return new Consumer({
      ...{ credential, credentialStore, topics, from, log, access },
      ...{ stateDir: null, rejects: null, wait: true, output: NOWHERE },
      observer: {
        onReadings: (readings) => this.#intake.take(readings, Date.now()),
        onGap: ({ before, missing }) => this.#intake.miss(before.topic, missing),
        onDeleted: ({ topic, lost }) => this.#intake.miss(topic, lost),
        onRejects: (topic, rejects) => this.#intake.reject(topic, rejects),
        onTopic: ({ topic }) => this.#intake.found(topic),
        onStatus: (status) => {
          this.#intake.note();
          this.#hops.take(status, Date.now());
        },
      },
    });
  }
}

/** Whoever looks takes what the observer is told of. */
const NOWHERE: ReadingSink = {
  open: async () => undefined,
  write: async () => undefined,
  flush: async () => null,
  close: async () => undefined,
};
