/** Where partitions begin and end. */
import { VeilError } from "../../errors.ts";
import type { Brokers } from "./brokers.ts";

const READ_UNCOMMITTED = 0;
/** Kafka's special timestamps in a ListOffsets request. */
const EARLIEST = -2;
const LATEST = -1;

export interface OffsetRange {
  readonly partition: number;
  /** The first offset that is still there. */
  readonly low: bigint;
  /** The offset that the next record will get. */
  readonly high: bigint;
}

/** The partitions of `topic`, 0 to n-1. Throws NOT_FOUND, or UNAVAILABLE while one of them has no leader. */
export async function findPartitions(brokers: Brokers, topic: string): Promise<readonly number[]> {
  const find = await brokers.findLeaders([topic]);
  const partitions: number[] = [];
  for (;;) {
    const partition = partitions.length;
    const leader = find(topic, partition);
    if ("nodeId" in leader) partitions.push(partition);
    else if (leader.error.code !== "NOT_FOUND" || partition === 0) throw leader.error;
    else return partitions;
  }
}

/** Asks the partitions' leaders. Throws NOT_FOUND, or UNAVAILABLE, TIMEOUT or DISCONNECTED. */
export async function listOffsets(
  brokers: Brokers,
  topic: string,
  partitions: readonly number[],
): Promise<readonly OffsetRange[]> {
  const find = await brokers.findLeaders([topic]);
  return Promise.all(
    partitions.map(async (partition) => {
      const leader = find(topic, partition);
      if ("error" in leader) throw leader.error;
      try {
        const low = await askLeader(brokers, leader.nodeId, { topic, partition, at: EARLIEST });
        const high = await askLeader(brokers, leader.nodeId, { topic, partition, at: LATEST });
        return { partition, low, high };
      } catch (error) {
        brokers.forget(topic);
        throw error;
      }
    }),
  );
}

/**
 * The first offset of a partition that Kafka took at `timeMs` or later; the offset that the next record will get if
 * there is none yet. Throws as {@link listOffsets}.
 */
export async function findOffset(
  brokers: Brokers,
  { topic, partition, timeMs }: { topic: string; partition: number; timeMs: number },
): Promise<bigint> {
  const find = await brokers.findLeaders([topic]);
  const leader = find(topic, partition);
  if ("error" in leader) throw leader.error;
  try {
    const offset = await askLeader(brokers, leader.nodeId, { topic, partition, at: timeMs });
    if (offset >= 0n) return offset;
    return await askLeader(brokers, leader.nodeId, { topic, partition, at: LATEST });
  } catch (error) {
    brokers.forget(topic);
    throw error;
  }
}

async function askLeader(
  brokers: Brokers,
  nodeId: number,
  { topic, partition, at }: { topic: string; partition: number; at: number },
): Promise<bigint> {
  const topics = [{ topic, partitions: [{ partition, timestamp: at }] }];
  const { responses } = await brokers.call(nodeId, "asking for offsets", (broker) =>
    broker.listOffsets({ isolationLevel: READ_UNCOMMITTED, topics }),
  );
  const offset = responses[0]?.partitions[0]?.offset;
  if (offset === undefined)
    throw new VeilError("UNAVAILABLE", "asking for offsets: Kafka's answer is empty");
  return BigInt(offset);
}
