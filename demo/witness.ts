/** What the people in between really hold of one reading: asked of Kafka and ZooKeeper themselves, not of our memory. */
import { BrokerList } from "../bridge/brokers/broker-list.ts";
import { createKafka, type Kafka } from "../core/ports/kafka/client.ts";
import { Feed } from "../core/ports/kafka/feed.ts";
import { ZooKeeper } from "../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../core/runtime/log.ts";
import { decodeHeader } from "../core/scheme/record/header.ts";
import { grantsPath } from "../core/wire/directory.ts";
import type { Arrival } from "./arrivals.ts";
import type { WireTap } from "./wire-tap.ts";

const DEADLINE_MS = 3000;
/** The kid stands 10 bytes into a record, behind magic, version, suite, algorithm, flags and epoch. */
const KID_AT = 10;
const SHOWN_BYTES = 48;

/** One reading as everybody between the ends has it. */
export interface Testimony {
  /** The record's first bytes as they went over MQTT; null if they are no longer remembered. */
  readonly mqtt: Buffer | null;
  readonly kafka: { readonly topic: string; readonly key: Buffer; readonly value: Buffer } | null;
  readonly zookeeper: { readonly path: string; readonly text: string } | null;
}

export class Witness {
  readonly #kafka: Kafka;
  readonly #zookeeper: ZooKeeper;
  readonly #brokers: BrokerList;
  readonly #tap: WireTap;
  /** Which Kafka topic holds which of our topics, once seen. */
  readonly #names = new Map<string, string>();

  constructor(options: { zookeeper: string; tap: WireTap; log: Logger }) {
    const { tap, log } = options;
    this.#tap = tap;
    this.#zookeeper = new ZooKeeper({
      servers: [options.zookeeper],
      sessionTimeoutMs: 10_000,
      callTimeoutMs: DEADLINE_MS,
      log,
    });
    const zookeeper = this.#zookeeper;
    this.#brokers = new BrokerList({ zookeeper, log, firstReadTimeoutMs: DEADLINE_MS });
    this.#kafka = createKafka({ brokers: () => this.#brokers.addresses(), log });
  }

  async start(): Promise<void> {
    await this.#zookeeper.start();
    await this.#brokers.start();
  }

  async stop(): Promise<void> {
    await this.#brokers.stop();
    await this.#zookeeper.stop();
  }

  async testify(arrival: Arrival): Promise<Testimony> {
    const [kid = "", seq = "0"] = arrival.id.split(":");
    const position = Buffer.alloc(24);
    position.write(kid, 0, "base64url");
    position.writeBigUInt64BE(BigInt(seq), 16);
    return {
      mqtt: this.#tap.lastSeen(position, KID_AT, SHOWN_BYTES),
      kafka: await this.#findInKafka(arrival, kid),
      zookeeper: await this.#grantsOf(arrival.producer),
    };
  }

  async #findInKafka(
    { topic, partition, offset }: Arrival,
    kid: string,
  ): Promise<Testimony["kafka"]> {
    const known = this.#names.get(topic);
    const all = known ? [known] : ((await this.#zookeeper.children("/brokers/topics")) ?? []);
    for (const name of all.filter((candidate) => /^veil-[a-z2-7]{52}$/.test(candidate))) {
      const found = await this.#recordAt(name, partition, BigInt(offset));
      if (!found || decodeHeader(found.value).kid.toString("base64url") !== kid) continue;
      this.#names.set(topic, name);
      return { topic: name, ...found };
    }
    return null;
  }

  async #recordAt(
    topic: string,
    partition: number,
    offset: bigint,
  ): Promise<{ key: Buffer; value: Buffer } | null> {
    const end = new AbortController();
    let found: { key: Buffer; value: Buffer } | null = null;
    const feed = new Feed({
      kafka: this.#kafka,
      onBatch: async ({ messages }) => {
        const { key, value } = messages.find((message) => message.offset === offset) ?? {};
        if (key && value) found = { key: Buffer.from(key), value: Buffer.from(value) };
        end.abort();
      },
      onLost: async () => end.abort(),
    });
    feed.add({ topic, partition, offset });
    await feed.run(AbortSignal.any([end.signal, AbortSignal.timeout(DEADLINE_MS)]));
    return found;
  }

  async #grantsOf(producer: string): Promise<Testimony["zookeeper"]> {
    const path = grantsPath("demo", producer, 0);
    const node = await this.#zookeeper.get(path);
    // Behind the 64 bytes of the signature.
    return node && { path, text: node.data.subarray(64).toString("utf8") };
  }
}
