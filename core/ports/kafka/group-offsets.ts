/**
 * Committed offsets of a group that nobody joins. They are for monitors and for a first start: where a consumer
 * resumes is in its checkpoint (PROTOCOL.md §3).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isVeilError } from "../../errors.ts";
import { Backoff } from "../../runtime/backoff.ts";
import type { Brokers } from "./brokers.ts";

/** What a commit from outside a group's membership carries. */
const NO_GENERATION = -1;
const NO_MEMBER = "";
const GROUP_COORDINATOR = 0;
const RETRY = { minMs: 50, maxMs: 500 };
const COORDINATOR_DEADLINE_MS = 5000;

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

  /** Throws UNAVAILABLE, DISCONNECTED, TIMEOUT, AUTH. */
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

  /** The committed offsets of these partitions; what was never committed is missing. Throws as `commit`. */
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

  /** Waits a little for a coordinator: the first question to a new cluster makes Kafka create its offsets topic. */
  async #call<T>(what: string, use: (nodeId: number, what: string) => Promise<T>): Promise<T> {
    const backoff = new Backoff(RETRY);
    for (const deadline = Date.now() + COORDINATOR_DEADLINE_MS; ; ) {
      try {
        this.#coordinator ??= await this.#findCoordinator();
        return await use(this.#coordinator, what);
      } catch (error) {
        this.#coordinator = undefined;
        if (!isVeilError(error, "UNAVAILABLE") || Date.now() > deadline) throw error;
      }
      await sleep(backoff.nextMs());
    }
  }

  async #findCoordinator(): Promise<number> {
    const { coordinator } = await this.#brokers.callController("finding a coordinator", (broker) =>
      broker.findGroupCoordinator({ groupId: this.#groupId, coordinatorType: GROUP_COORDINATOR }),
    );
    return coordinator.nodeId;
  }
}
