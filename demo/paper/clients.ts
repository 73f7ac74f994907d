/** How every process of the replay reaches ZooKeeper and Kafka. */
import { createKafka, type Kafka } from "../../core/ports/kafka/client.ts";
import { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../../core/runtime/log.ts";

/** Listing 9. */
const SESSION_TIMEOUT_MS = 10_000;
const CALL_TIMEOUT_MS = 10_000;
/** A dozen processes share this machine; Kafka may take its time. */
export const REQUEST_TIMEOUT_MS = 15_000;

export function zooKeeperAt(address: string, log: Logger): ZooKeeper {
  return new ZooKeeper({
    servers: [address],
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    callTimeoutMs: CALL_TIMEOUT_MS,
    log,
  });
}

export function kafkaFrom(seeds: () => Promise<readonly string[]>, log: Logger): Kafka {
  return createKafka({ brokers: seeds, log, requestTimeoutMs: REQUEST_TIMEOUT_MS });
}
