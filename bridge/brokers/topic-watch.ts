/** One Kafka topic followed in ZooKeeper: its partitions, and who leads each. */
import { z } from "zod";
import type { ZNode } from "../../core/ports/zookeeper/connection.ts";
import { WatchGroup } from "../../core/ports/zookeeper/watch-group.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../../core/runtime/log.ts";

/** `/brokers/topics/<topic>`: the replicas of each partition. */
const TOPIC = z.object({ partitions: z.record(z.string().regex(/^\d{1,9}$/), z.unknown()) });
/** `/brokers/topics/<topic>/partitions/<partition>/state`; leader -1: none. */
const STATE = z.object({ leader: z.int() });

export interface TopicWatchOptions {
  readonly zookeeper: Pick<ZooKeeper, "watchNode" | "lastContactAtMs">;
  readonly log: Logger;
  readonly path: string;
}

export interface PartitionLeader {
  readonly partition: number;
  /** The broker's id; `null`: none, or not yet known. */
  readonly brokerId: number | null;
}

interface Partition {
  readonly stop: () => void;
  brokerId: number | null;
}

export class TopicWatch {
  readonly #options: TopicWatchOptions;
  readonly #group: WatchGroup;
  readonly #partitions = new Map<number, Partition>();
  #exists = false;
  #stop: (() => void) | undefined;

  constructor(options: TopicWatchOptions) {
    this.#options = options;
    this.#group = new WatchGroup(options.zookeeper);
  }

  start(): void {
    const { zookeeper, path } = this.#options;
    this.#stop ??= zookeeper.watchNode(path, (node) => this.#onTopic(node), this.#group);
  }

  stop(): void {
    this.#group.close();
    this.#stop?.();
    for (const { stop } of this.#partitions.values()) stop();
    this.#partitions.clear();
  }

  /**
   * By partition, as last read; `null` where there is no such topic. Waits for the first reading: rejects with
   * UNAVAILABLE after `timeoutMs`, STOPPED after `stop()`.
   */
  async leaders(timeoutMs: number): Promise<PartitionLeader[] | null> {
    await this.#group.whenSynced(timeoutMs);
    if (!this.#exists) return null;
    return [...this.#partitions]
      .map(([partition, { brokerId }]) => ({ partition, brokerId }))
      .sort((a, b) => a.partition - b.partition);
  }

  #onTopic(node: ZNode | null): void {
    this.#exists = node !== null;
    const topic = node ? this.#parse(TOPIC, node) : { partitions: {} };
    if (!topic) return;
    const present = new Set(Object.keys(topic.partitions).map(Number));
    for (const [partition, { stop }] of this.#partitions) {
      if (present.has(partition)) continue;
      stop();
      this.#partitions.delete(partition);
    }
    for (const partition of present) if (!this.#partitions.has(partition)) this.#follow(partition);
  }

  #follow(number: number): void {
    const { zookeeper, path } = this.#options;
    const partition: Partition = {
      brokerId: null,
      stop: zookeeper.watchNode(
        `${path}/partitions/${number}/state`,
        (node) => {
          const leader = node ? this.#parse(STATE, node)?.leader : undefined;
          partition.brokerId = leader === undefined || leader < 0 ? null : leader;
        },
        this.#group,
      ),
    };
    this.#partitions.set(number, partition);
  }

  #parse<S extends z.ZodType>(schema: S, { data }: ZNode): z.infer<S> | undefined {
    try {
      return schema.parse(JSON.parse(data.toString("utf8")));
    } catch {
      this.#options.log.warn("a node of a Kafka topic in ZooKeeper cannot be understood");
      return undefined;
    }
  }
}
