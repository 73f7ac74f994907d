/**
 * Connections to the brokers of one cluster, and who leads which partition.
 *
 * Metadata is asked for the topics in question only and judged topic by topic: kafkajs's own cluster asks
 * for all topics it ever met and fails for all if one of them was deleted or has no leader.
 */
import { VeilError } from "../../errors.ts";
import { RecentMap } from "../../runtime/recent-map.ts";
import { type Address, BrokerNode, type Lane } from "./broker-node.ts";
import { type Kafka, parseAddress } from "./client.ts";
import { fromErrorCode, toVeilError, UNKNOWN_TOPIC } from "./kafka-error.ts";
import type { KafkajsBroker } from "./kafkajs.ts";
import { type ClusterMetadata, metadataProtocol, type TopicMetadata } from "./metadata.ts";

const MAX_KNOWN_TOPICS = 50_000;

/** A partition's leader, or why there is none now. NOT_FOUND: no such topic or partition. */
export type Leader = { readonly nodeId: number } | { readonly error: VeilError };

export class Brokers {
  readonly #kafka: Kafka;
  readonly #nodes = new Map<number, BrokerNode>();
  readonly #leaders = new RecentMap<string, readonly Leader[]>({ max: MAX_KNOWN_TOPICS });
  /** When a broker last broke off or stayed silent, by `host:port`: the others are asked first. */
  readonly #failedAt = new Map<string, number>();
  /**
   * All brokers of the newest answer. Seeds may be few (a consumer's are the leaders of its topics), and gone when they
   * are needed: where every node was dropped, these are asked as well.
   */
  #heard: readonly Address[] = [];
  /** Connected for one question, before it is known which broker it is. */
  readonly #seeds = new Set<BrokerNode>();
  #stopped = false;

  constructor(options: { readonly kafka: Kafka }) {
    this.#kafka = options.kafka;
  }

  /** Asks one broker after the other until one answers. Throws UNAVAILABLE, AUTH, or what the seeds threw. */
  async metadata(topics: readonly string[]): Promise<ClusterMetadata> {
    const ask = (broker: KafkajsBroker): Promise<ClusterMetadata> =>
      broker.connectionPool.send(metadataProtocol(topics));
    let reason: VeilError | undefined;
    for (const node of this.#bestFirst()) {
      try {
        return this.#adopt(await this.#use(node, "asking for metadata", ask, "requests"));
      } catch (error) {
        reason = toVeilError(error, "asking for metadata");
      }
    }
    return this.#askSeeds(ask, reason);
  }

  /**
   * One request to one broker. A broker that breaks off or stays silent is connected anew the next time.
   * Throws UNAVAILABLE if the cluster does not know the broker now.
   */
  async call<T>(
    nodeId: number,
    what: string,
    use: (broker: KafkajsBroker) => Promise<T>,
    lane: Lane = "requests",
  ): Promise<T> {
    if (!this.#nodes.has(nodeId)) await this.metadata([]);
    const node = this.#nodes.get(nodeId);
    if (!node) throw new VeilError("UNAVAILABLE", `${what}: broker ${nodeId} is not known`);
    return this.#use(node, what, use, lane);
  }

  /** As `call`, to the broker that creates and deletes topics. */
  async callController<T>(what: string, use: (broker: KafkajsBroker) => Promise<T>): Promise<T> {
    const { controllerId } = await this.metadata([]);
    return this.call(controllerId, what, use);
  }

  /**
   * Finds the leaders of these topics' partitions, asking only for topics that it does not know, in one
   * request. The returned function answers for them.
   */
  async findLeaders(
    topics: Iterable<string>,
  ): Promise<(topic: string, partition: number) => Leader> {
    const found = new Map<string, readonly Leader[]>();
    const unknown = new Set<string>();
    for (const topic of topics) {
      const known = this.#leaders.get(topic);
      if (known) found.set(topic, known);
      else unknown.add(topic);
    }
    if (unknown.size > 0)
      for (const topic of await this.#topicMetadata([...unknown]))
        found.set(topic.topic, leadersOf(topic));
    return (topic, partition) =>
      found.get(topic)?.[partition] ?? {
        error: new VeilError("NOT_FOUND", "the topic or partition does not exist"),
      };
  }

  /** After an error that may mean that another broker leads now: the next `findLeaders` asks again. */
  forget(topic: string): void {
    this.#leaders.delete(topic);
  }

  /** Hangs up everywhere; requests under way fail as DISCONNECTED, later ones as STOPPED. */
  stop(): void {
    this.#stopped = true;
    for (const node of [...this.#nodes.values(), ...this.#seeds]) node.giveUp();
    this.#nodes.clear();
  }

  /** A broker may not have heard of a new topic yet: that one does not exist is for the controller to say. */
  async #topicMetadata(topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    const { controllerId, topics: heard } = await this.metadata(topics);
    const unheard = heard.filter(({ errorCode }) => errorCode === UNKNOWN_TOPIC);
    if (unheard.length === 0) return heard;
    const protocol = metadataProtocol(unheard.map(({ topic }) => topic));
    const sure = await this.call(controllerId, "asking the controller", (broker) =>
      broker.connectionPool.send(protocol),
    );
    const known = heard.filter(({ errorCode }) => errorCode !== UNKNOWN_TOPIC);
    return [...known, ...this.#adopt(sure).topics];
  }

  async #use<T>(
    node: BrokerNode,
    what: string,
    use: (broker: KafkajsBroker) => Promise<T>,
    lane: Lane,
  ): Promise<T> {
    if (this.#stopped) throw new VeilError("STOPPED", `${what}: the Kafka client is stopped`);
    try {
      await node.connect(lane);
    } catch (cause) {
      this.#drop(node);
      throw toVeilError(cause, what);
    }
    try {
      const result = await use(node.broker);
      this.#failedAt.delete(`${node.host}:${node.port}`);
      return result;
    } catch (cause) {
      const error = toVeilError(cause, what);
      // TIMEOUT may also be the broker's own verdict, given in time: then this costs one connection.
      if (error.code === "DISCONNECTED" || error.code === "TIMEOUT") this.#drop(node);
      throw error;
    }
  }

  async #askSeeds(
    ask: (broker: KafkajsBroker) => Promise<ClusterMetadata>,
    earlier: VeilError | undefined,
  ): Promise<ClusterMetadata> {
    let reason = earlier;
    const seeds = (await this.#kafka.seeds()).map(parseAddress);
    const heard = this.#heard.filter(
      ({ host, port }) => !seeds.some((seed) => seed.host === host && seed.port === port),
    );
    const addresses = [...seeds, ...heard];
    addresses.sort((a, b) => this.#lastFailure(a) - this.#lastFailure(b));
    for (const address of addresses) {
      if (this.#stopped) throw new VeilError("STOPPED", "the Kafka client is stopped");
      const seed = new BrokerNode(this.#kafka, address);
      this.#seeds.add(seed);
      try {
        await seed.connect("requests");
        return this.#adopt(await ask(seed.broker));
      } catch (error) {
        reason = toVeilError(error, "connecting to Kafka");
        this.#failed(seed);
      } finally {
        this.#seeds.delete(seed);
        seed.giveUp();
      }
    }
    throw reason ?? new VeilError("UNAVAILABLE", "no Kafka broker is known");
  }

  /** Takes over what a broker said: addresses, and the leaders of the topics asked for. */
  #adopt(metadata: ClusterMetadata): ClusterMetadata {
    if (this.#stopped) throw new VeilError("STOPPED", "the Kafka client is stopped");
    if (metadata.brokers.length > 0) this.#heard = metadata.brokers;
    for (const { nodeId, host, port } of metadata.brokers) {
      const known = this.#nodes.get(nodeId);
      if (known?.host === host && known.port === port) continue;
      if (known) this.#drop(known);
      this.#nodes.set(nodeId, new BrokerNode(this.#kafka, { host, port }));
    }
    for (const topic of metadata.topics) {
      const leaders = leadersOf(topic);
      const complete = leaders.length > 0 && leaders.every((leader) => "nodeId" in leader);
      if (complete) this.#leaders.set(topic.topic, leaders);
      else this.#leaders.delete(topic.topic);
    }
    return metadata;
  }

  #bestFirst(): readonly BrokerNode[] {
    return [...this.#nodes.values()]
      .sort((a, b) => Number(b.isConnected) - Number(a.isConnected))
      .sort((a, b) => this.#lastFailure(a) - this.#lastFailure(b));
  }

  #lastFailure({ host, port }: Address): number {
    return this.#failedAt.get(`${host}:${port}`) ?? 0;
  }

  #failed({ host, port }: BrokerNode): void {
    this.#failedAt.set(`${host}:${port}`, Date.now());
  }

  #drop(node: BrokerNode): void {
    this.#failed(node);
    for (const [nodeId, known] of this.#nodes) if (known === node) this.#nodes.delete(nodeId);
    node.giveUp();
  }
}

function leadersOf({ errorCode, partitions }: TopicMetadata): readonly Leader[] {
  const what = "looking for a partition's leader";
  const leaders: Leader[] = [];
  for (const { partition, leader, errorCode: code } of partitions) {
    const error = fromErrorCode(errorCode, what) ?? fromErrorCode(code, what);
    leaders[partition] = error ? { error } : { nodeId: leader };
  }
  return leaders;
}
