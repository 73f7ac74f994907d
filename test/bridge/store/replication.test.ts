import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { Replication } from "../../../bridge/store/replication.ts";

/** A cluster of which so many brokers are up. */
function rig(up: number, expected?: number) {
  const lines: string[] = [];
  const state = { up, alarms: 0 };
  const replication = new Replication({
    admin: {
      describeCluster: async () => ({
        brokers: Array.from({ length: state.up }, String),
        hasController: true,
      }),
    },
    expected,
    onTooFew: () => {
      state.alarms += 1;
    },
    log: pino({ level: "error" }, { write: (line: string) => lines.push(line) }),
  });
  return { replication, state, lines };
}

/** A topic whose partitions are on these brokers. */
function topicOn(...replicas: readonly number[][]) {
  const partitions = replicas.map((ids, partition) => {
    return { partition, errorCode: 0, leader: 1, replicas: ids, inSync: ids };
  });
  return { partitions };
}

describe("how many replicas a topic gets", () => {
  test("as many as brokers were ever up, at most three", async () => {
    const { replication, state } = rig(1);
    expect(await replication.wanted()).toBe(1);
    state.up = 5;
    expect(await replication.wanted()).toBe(3);
    state.up = 1;
    expect(await replication.wanted()).toBe(3);
  });

  test("as many as an older topic shows that there are, whoever is up", async () => {
    const { replication, state } = rig(1);
    replication.judge(topicOn([1, 2, 3]));
    expect(await replication.wanted()).toBe(3);
    expect(state.alarms).toBe(0);
  });

  test("as many as the configuration says", async () => {
    expect(await rig(1, 3).replication.wanted()).toBe(3);
    expect(await rig(5, 2).replication.wanted()).toBe(2);
  });

  test("a topic on fewer raises the alarm each time, and one line a minute", async () => {
    const { replication, state, lines } = rig(3);
    await replication.wanted();
    replication.judge(topicOn([1, 2, 3]));
    expect(state.alarms).toBe(0);
    replication.judge(topicOn([1, 2, 3], [1, 2]));
    replication.judge(topicOn([1]));
    expect(state.alarms).toBe(2);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      event: "too-few-replicas",
      found: 2,
      wanted: 3,
    });
  });
});
