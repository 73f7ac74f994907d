import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { Topics } from "../../../bridge/writer/topics.ts";
import { VeilError } from "../../../core/errors.ts";
import type { TopicSpec } from "../../../core/ports/kafka/admin.ts";

const SETTINGS = { partitions: 1, retentionMs: 86_400_000 };
const log = pino({ level: "silent" });

/** A cluster of so many brokers, whose topics are a Map. */
function rig(brokers = 3) {
  const specs: TopicSpec[] = [];
  const partitions = new Map<string, number>();
  const state = { brokers, alarms: 0, fails: false };
  const partition = (partitionId: number) => {
    return { partition: partitionId, errorCode: 0, leader: 1, replicas: [1], inSync: [1] };
  };
  const topics = new Topics({
    log,
    onPartitionsChanged: () => {
      state.alarms += 1;
    },
    admin: {
      describeCluster: async () => ({ brokers: Array.from({ length: state.brokers }, String) }),
      ensureTopic: async (spec) => {
        if (state.fails) throw new VeilError("UNAVAILABLE", "away");
        specs.push(spec);
        const exists = partitions.has(spec.topic);
        if (!exists) partitions.set(spec.topic, spec.partitions);
        return exists ? "exists" : "created";
      },
      describeTopic: async (topic) => {
        const count = partitions.get(topic) ?? 0;
        return { partitions: Array.from({ length: count }, (_, i) => partition(i)) };
      },
    },
  });
  return { topics, specs, partitions, state };
}

describe("Topics", () => {
  it("makes a topic once, with the settings of PROTOCOL.md §3", async () => {
    const { topics, specs } = rig();
    await Promise.all([topics.ensure("t", SETTINGS), topics.ensure("t", SETTINGS)]);
    await topics.ensure("t", SETTINGS);
    expect(specs).toEqual([
      {
        topic: "t",
        partitions: 1,
        replication: 3,
        config: {
          "min.insync.replicas": "2",
          "unclean.leader.election.enable": "false",
          "message.timestamp.type": "LogAppendTime",
          "cleanup.policy": "delete",
          "retention.ms": "86400000",
        },
      },
    ]);
  });

  it("wants as many replicas as there ever were brokers, up to three", async () => {
    const one = rig(1);
    await one.topics.ensure("t", SETTINGS);
    expect(one.specs[0]).toMatchObject({ replication: 1, config: { "min.insync.replicas": "1" } });
    const many = rig(5);
    await many.topics.ensure("a", SETTINGS);
    many.state.brokers = 2;
    await many.topics.ensure("b", SETTINGS);
    expect(many.specs.map(({ replication }) => replication)).toEqual([3, 3]);
  });

  it("refuses a topic with another number of partitions, and raises the alarm", async () => {
    const { topics, partitions, state } = rig();
    partitions.set("t", 4);
    await expect(topics.ensure("t", SETTINGS)).rejects.toMatchObject({ code: "CONFIG" });
    await expect(topics.ensure("t", SETTINGS)).rejects.toMatchObject({ code: "CONFIG" });
    expect(state.alarms).toBe(2);
    await topics.ensure("t", { ...SETTINGS, partitions: 4 });
    await expect(topics.ensure("t", SETTINGS)).rejects.toMatchObject({ code: "CONFIG" });
  });

  it("tries again after a failure, and after it was told that the topic is gone", async () => {
    const { topics, specs, state } = rig();
    state.fails = true;
    await expect(topics.ensure("t", SETTINGS)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    state.fails = false;
    await topics.ensure("t", SETTINGS);
    topics.forget("t");
    await topics.ensure("t", SETTINGS);
    expect(specs.length).toBe(2);
  });
});
