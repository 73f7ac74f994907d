/** What Kafka keeps in ZooKeeper about a topic, as a bridge that follows it reads it. */
import { pino } from "pino";
import { TopicWatch } from "../../../bridge/brokers/topic-watch.ts";
import type { ZNode } from "../../../core/ports/zookeeper/connection.ts";
import type { WatchGroup } from "../../../core/ports/zookeeper/watch-group.ts";
import { json } from "../fixtures.ts";
import type { Target } from "../target.ts";

const PATH = "/brokers/topics/veil-a";
const log = pino({ level: "silent" });
const topic = json({
  version: 3,
  topic_id: "AAAAAAAAAAAAAAAAAAAAAA",
  partitions: { "0": [1, 2, 3], "1": [2, 3, 1] },
  adding_replicas: {},
  removing_replicas: {},
});
const state = json({ controller_epoch: 1, leader: 2, version: 1, leader_epoch: 4, isr: [2, 3] });

/** Tells of nodes as they are, once. */
function zookeeperOf(nodes: ReadonlyMap<string, Buffer>) {
  return {
    lastContactAtMs: 0,
    watchNode: (
      path: string,
      tell: (node: ZNode | null, path: string) => void,
      group?: WatchGroup,
    ) => {
      const watch = {};
      group?.markStale(watch);
      queueMicrotask(() => {
        const data = nodes.get(path);
        tell(data ? { data, version: 0 } : null, path);
        group?.settle(watch);
      });
      return () => undefined;
    },
  };
}

/** Follows the topic with these nodes; it must say something sane, or that there is no such topic. */
async function follow(nodes: { readonly topic: Buffer; readonly state: Buffer }): Promise<void> {
  const zookeeper = zookeeperOf(
    new Map([
      [PATH, nodes.topic],
      [`${PATH}/partitions/0/state`, nodes.state],
    ]),
  );
  const watch = new TopicWatch({ zookeeper, log, path: PATH });
  watch.start();
  try {
    for (const { partition, brokerId } of (await watch.leaders(1000)) ?? [])
      if (partition < 0 || (brokerId !== null && !(brokerId >= 0)))
        throw new Error(`partition ${partition} is led by ${brokerId}`);
  } finally {
    watch.stop();
  }
}

export const kafkaNodeTargets: readonly Target[] = [
  {
    name: "kafka-topic-node",
    samples: [topic, json({ partitions: {} })],
    run: (input) => follow({ topic: input, state }),
    share: 0.2,
  },
  {
    name: "kafka-state-node",
    samples: [state, json({ leader: -1 })],
    run: (input) => follow({ topic, state: input }),
    share: 0.2,
  },
];
