import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { Topics } from "../../../bridge/writer/topics.ts";
import { VeilError } from "../../../core/errors.ts";
import type { TopicSpec } from "../../../core/ports/kafka/admin.ts";

const SETTINGS = { partitions: 1, retentionMs: 86_400_000 };
const log = pino({ level: "silent" });

/** A cluster whose topics are a Map, and so many replicas wanted. */
function rig(replicas = 3) {
  const specs: TopicSpec[] = [];
  const judged: string[] = [];
  const partitions = new Map<string, number>();
  const state = { alarms: 0, fails: false };
  const partition = (partitionId: number) => {
    return { partition: partitionId, errorCode: 0, leader: 1, replicas: [1], inSync: [1] };
  };
  const topics = new Topics({
    log,
    replication: { wanted: async () => replicas, judge: () => judged.push("t") },
    onPartitionsChanged: () => {
      state.alarms += 1;
    },
    admin: {
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
  return { topics, specs, partitions, judged, state };
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
          "compression.type": "producer",
          "max.message.bytes": "1048588",
        },
      },
    ]);
  });

  it("asks for acknowledgements of two only where there are three replicas", async () => {
    const { topics, specs } = rig(1);
    await topics.ensure("t", SETTINGS);
    expect(specs[0]).toMatchObject({ replication: 1, config: { "min.insync.replicas": "1" } });
  });

  it("has the replicas of a topic looked at that was there before", async () => {
    const { topics, partitions, judged } = rig();
    await topics.ensure("new", SETTINGS);
    expect(judged).toEqual([]);
    partitions.set("t", 1);
    await topics.ensure("t", SETTINGS);
    expect(judged).toEqual(["t"]);
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
