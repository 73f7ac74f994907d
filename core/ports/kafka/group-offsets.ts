/**
 * Committed offsets of a group that nobody joins. They are for monitors and for a first start: where a consumer
 * resumes is in its checkpoint (PROTOCOL.md §3).
 */
import type { Brokers } from "./brokers.ts";

/** What a commit from outside a group's membership carries. */
const NO_GENERATION = -1;
const NO_MEMBER = "";
const GROUP_COORDINATOR = 0;

export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read. */
  readonly offset: bigint;
}

export class GroupOffsets {
  readonly #brokers: Brokers;
  readonly #groupId: string;
  #coordinator: number | undefined;

  constructor(options: { readonly brokers: Brokers; readonly groupId: string }) {
    this.#brokers = options.brokers;
    this.#groupId = options.groupId;
  }

  /** One attempt. Throws UNAVAILABLE, DISCONNECTED, TIMEOUT, AUTH. */
  async commit(offsets: readonly GroupOffset[]): Promise<void> {
    if (offsets.length === 0) return;
    const topics = new Map<string, { partition: number; offset: string }[]>();
    for (const { topic, partition, offset } of offsets)
      topics.set(topic, [...(topics.get(topic) ?? []), { partition, offset: offset.toString() }]);
    await this.#call("committing offsets", (nodeId, what) =>
      this.#brokers.call(nodeId, what, (broker) =>
        broker.offsetCommit({
          groupId: this.#groupId,
          groupGenerationId: NO_GENERATION,
          memberId: NO_MEMBER,
          topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
        }),
      ),
    );
  }

  /** The committed offsets of these partitions; what was never committed is missing. One attempt, as `commit`. */
  async fetch(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, bigint>> {
    const topics = [{ topic, partitions: partitions.map((partition) => ({ partition })) }];
    const { responses } = await this.#call("asking for committed offsets", (nodeId, what) =>
      this.#brokers.call(nodeId, what, (broker) =>
        broker.offsetFetch({ groupId: this.#groupId, topics }),
      ),
    );
    const committed = new Map<number, bigint>();
    for (const { partition, offset } of responses[0]?.partitions ?? [])
      if (BigInt(offset) >= 0n) committed.set(partition, BigInt(offset));
    return committed;
  }

  async #call<T>(what: string, use: (nodeId: number, what: string) => Promise<T>): Promise<T> {
    try {
      this.#coordinator ??= await this.#findCoordinator();
      return await use(this.#coordinator, what);
    } catch (error) {
      this.#coordinator = undefined;
      throw error;
    }
  }

  async #findCoordinator(): Promise<number> {
    const { coordinator } = await this.#brokers.callController("finding a coordinator", (broker) =>
      broker.findGroupCoordinator({ groupId: this.#groupId, coordinatorType: GROUP_COORDINATOR }),
    );
    return coordinator.nodeId;
  }
}
