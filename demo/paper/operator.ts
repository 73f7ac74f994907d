/** What the report's authors looked at with Kafka's own tools, asked of ZooKeeper and Kafka, not of the programs. */
import { BrokerList } from "../../bridge/brokers/broker-list.ts";
import { VeilError } from "../../core/errors.ts";
import { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import { NEVER, pause } from "../../core/runtime/backoff.ts";
import { createLog } from "../../core/runtime/log.ts";
import { kafkaFrom, zooKeeperAt } from "./clients.ts";

const TOPICS_PATH = "/brokers/topics";
const BROKERS_PATH = "/brokers/ids";
const FIRST_READ_TIMEOUT_MS = 10_000;
const DELETE_DEADLINE_MS = 30_000;
const POLL_MS = 100;

export class Operator {
  readonly #zookeeper: ZooKeeper;
  readonly #brokers: BrokerList;
  readonly #admin: KafkaAdmin;

  /** `zookeeper` as host:port. */
  constructor(zookeeper: string) {
    const log = createLog("operator", "silent");
    this.#zookeeper = zooKeeperAt(zookeeper, log);
    this.#brokers = new BrokerList({
      zookeeper: this.#zookeeper,
      log,
      firstReadTimeoutMs: FIRST_READ_TIMEOUT_MS,
    });
    this.#admin = new KafkaAdmin({ kafka: kafkaFrom(() => this.#brokers.addresses(), log) });
  }

  async start(): Promise<void> {
    await this.#zookeeper.start();
    await this.#brokers.start();
  }

  async stop(): Promise<void> {
    await this.#admin.stop();
    await this.#brokers.stop();
    await this.#zookeeper.stop();
  }

  /** As `kafka-topics.sh --zookeeper … --list`. */
  async listTopics(): Promise<string[]> {
    return ((await this.#zookeeper.children(TOPICS_PATH)) ?? []).sort();
  }

  /** As `GetOffsetShell --time -1`, whose lines are `<topic>:<partition>:<offset>`; of the first partition. */
  async latestOffset(topic: string): Promise<string> {
    const [first] = await this.#admin.listOffsets(topic);
    if (!first) throw new VeilError("NOT_FOUND", "the topic has no partition");
    return `${topic}:${first.partition}:${first.high}`;
  }

  /** The first partition's leader as Kafka's brokers themselves name it, `host:port`. */
  async firstLeader(topic: string): Promise<string | null> {
    const { partitions } = await this.#admin.describeTopic(topic);
    const first = partitions.find(({ partition }) => partition === 0);
    return first ? this.#brokers.addressOf(first.leader) : null;
  }

  /** `host:port` of the brokers in ZooKeeper, in the order of their ids. */
  async listBrokers(): Promise<string[]> {
    const ids = ((await this.#zookeeper.children(BROKERS_PATH)) ?? []).map(Number);
    return ids.sort((a, b) => a - b).flatMap((id) => this.#brokers.addressOf(id) ?? []);
  }

  /** Resolves when they are gone from ZooKeeper too, and with them their groups' committed offsets. Throws TIMEOUT. */
  async deleteTopics(topics: readonly string[]): Promise<void> {
    for (const topic of topics) await this.#admin.deleteTopic(topic);
    for (const deadline = Date.now() + DELETE_DEADLINE_MS; ; await pause(POLL_MS, NEVER)) {
      const present = await this.listTopics();
      if (!topics.some((topic) => present.includes(topic))) return;
      if (Date.now() > deadline) throw new VeilError("TIMEOUT", "Kafka does not delete the topics");
    }
  }
}
