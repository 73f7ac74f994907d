/** From the consumer to the board: what was read, how far it is, and how the hops are. */

import { isVeilError } from "../../core/errors.ts";
import { readRecordAt } from "../../core/ports/kafka/record-at.ts";
import type { KafkaMessage } from "../../core/ports/kafka/record-batch.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Credential } from "../../core/wire/credential.ts";
import type { StatusResponse } from "../../core/wire/http.ts";
import type { Access } from "../consumer/config.ts";
import { Consumer } from "../consumer/consumer.ts";
import { measurementsOf } from "../consumer/measurements.ts";
import { lagOf } from "../consumer/positions.ts";
import type { Reading } from "../consumer/reading.ts";
import type { ReadingSink } from "../consumer/reading-sink.ts";
import type { CredentialStore } from "../credential-store.ts";
import type { Board } from "./board.ts";
import type { HopView, TopicView, Update } from "./wire.ts";

const HOPS = ["bridge", "kafka", "zookeeper", "directory"] as const;
const RATE_OVER_S = 10;
const SECOND_MS = 1000;

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

/** What is counted of one topic. */
interface Count {
  isFound: boolean;
  newest: Reading | null;
  readings: number;
  rejects: number;
  missing: number;
  /** Readings that Kafka took in each of the last seconds, by the second. */
  readonly perSecond: Map<number, number>;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #counts = new Map<string, Count>();
  readonly #ids = new Map<string, number>();
  readonly #consumer: Consumer;
  #status: StatusResponse | null = null;
  #statusAtMs = 0;
  #ended: Update["ended"] = null;

  constructor(options: WatchOptions) {
    this.#options = options;
    for (const [id, topic] of options.topics.entries()) {
      this.#ids.set(topic, id);
      const counts = { isFound: false, newest: null, readings: 0, rejects: 0, missing: 0 };
      this.#counts.set(topic, { ...counts, perSecond: new Map() });
    }
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
    return this.#counts.get(topic)?.newest ?? null;
  }

  /** Asks Kafka for the record of a reading. */
  async record({ kafkaTopic: topic, partition, offset }: Reading): Promise<KafkaMessage | null> {
    return readRecordAt(this.#consumer.kafka, { topic, partition, offset });
  }

  topics(): TopicView[] {
    const { positions } = this.#consumer;
    return [...this.#counts].map(([name, count]) => {
      const own = positions.filter(({ topic }) => topic === name);
      const lag = own.reduce((sum, position) => sum + lagOf(position), 0n);
      const { isFound, readings, rejects, missing } = count;
      return {
        ...{ id: this.#ids.get(name) ?? -1, name, readings, rejects, missing },
        found: isFound,
        rate: rateOf(count.perSecond),
        lag: own.length === 0 ? null : Number(lag),
      };
    });
  }

  hops(): HopView[] {
    const status = this.#status;
    return HOPS.map((name) => {
      if (!status) return { name, state: name === "bridge" ? "down" : "unknown", seenMs: null };
      const { state, ageMs } = status[name];
      return { name, state, seenMs: ageMs === null ? null : this.#statusAtMs - ageMs };
    });
  }

  #createConsumer(): Consumer {
    const { credential, credentialStore, access, topics, log } = this.#options;
    const { historyMs, maxHistoryRecords } = this.#options;
    const from = { sinceMs: Date.now() - historyMs, maxRecords: maxHistoryRecords };
    return new Consumer({
      ...{ credential, credentialStore, topics, from, log, access },
      ...{ stateDir: null, rejects: null, wait: true, output: NOWHERE },
      observer: {
        onReadings: (readings) => this.#take(readings),
        onGap: ({ before, missing }) => this.#miss(before.topic, missing),
        onDeleted: ({ topic, lost }) => this.#miss(topic, lost),
        onRejects: (topic, rejects) => {
          const count = this.#counts.get(topic);
          if (count) count.rejects += rejects;
        },
        onTopic: ({ topic }) => {
          const count = this.#counts.get(topic);
          if (count) count.isFound = true;
        },
        onStatus: (status) => {
          this.#status = status;
          this.#statusAtMs = Date.now();
        },
      },
    });
  }

  #take(readings: readonly Reading[]): void {
    const { board } = this.#options;
    for (const reading of readings) {
      const { topic: name, producer, takenMs } = reading;
      const count = this.#counts.get(name);
      const topic = this.#ids.get(name);
      if (!count || topic === undefined) continue;
      count.readings += 1;
      count.newest = reading;
      const second = Math.floor(takenMs / SECOND_MS);
      count.perSecond.set(second, (count.perSecond.get(second) ?? 0) + 1);
      for (const measurement of measurementsOf(reading))
        board.add({ ...measurement, topic, producer, takenMs });
    }
  }

  #miss(topic: string, missing: bigint): void {
    const count = this.#counts.get(topic);
    if (count) count.missing += Number(missing);
  }
}

/** Whoever looks takes what the observer is told of. */
const NOWHERE: ReadingSink = {
  open: async () => undefined,
  write: async () => undefined,
  flush: async () => null,
  close: async () => undefined,
};

/** Over the last whole seconds; forgets those before. */
function rateOf(perSecond: Map<number, number>): number {
  const now = Math.floor(Date.now() / SECOND_MS);
  let sum = 0;
  for (const [second, count] of perSecond) {
    if (second < now - RATE_OVER_S) perSecond.delete(second);
    else if (second < now) sum += count;
  }
  return sum / RATE_OVER_S;
}
