import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { checkTopics, type TopicsCheckOptions } from "../../../bridge/check/topics.ts";
import { kafkaTopicOf } from "../../../core/scheme/tag.ts";
import { INTERNAL_KIND } from "../../../core/wire/store.ts";
import { Fleet } from "../../support/fleet.ts";

const DATA = kafkaTopicOf(randomBytes(32));
const tenant = new Fleet().only;
const INTERNAL = tenant.store.topicName(INTERNAL_KIND.registry);

const GOOD: Readonly<Record<string, string>> = {
  "min.insync.replicas": "2",
  "unclean.leader.election.enable": "false",
  "message.timestamp.type": "LogAppendTime",
  "cleanup.policy": "delete",
  "retention.ms": String(tenant.kafka.retentionMs),
  "retention.bytes": "-1",
  "compression.type": "producer",
  "max.message.bytes": "1048588",
};
const COMPACTED = { ...GOOD, "cleanup.policy": "compact" };

interface Topic {
  readonly topic?: string;
  readonly config?: Readonly<Record<string, string>>;
  /** Of each partition. */
  readonly replicas?: readonly number[][];
}

/** The findings about these topics, as `severity message`. */
async function found(
  topics: readonly Topic[],
  change: Partial<TopicsCheckOptions> = {},
): Promise<string[]> {
  const listed = topics.map(({ topic = DATA, config = GOOD, replicas = [[1, 2, 3]] }) => {
    const partitions = replicas.map((ids, partition) => {
      return { partition, errorCode: 0, leader: 1, replicas: ids, inSync: ids };
    });
    return { topic, config, partitions };
  });
  const findings = await checkTopics({
    config: {},
    inspection: {
      topics: async () => listed,
      topicConfigs: async () => new Map(listed.map(({ topic, config }) => [topic, config])),
    },
    tenants: async () => [tenant],
    brokers: 3,
    ...change,
  });
  return findings.map(({ severity, message }) => `${severity} ${message}`);
}

describe("a check of topics", () => {
  test("finds nothing in those that bridges make", async () => {
    expect(await found([{}, { topic: INTERNAL, config: COMPACTED }])).toEqual([
      "ok 2 topics, all as they should be",
    ]);
  });

  test("leaves alone what is not of bridges", async () => {
    const topic = "veil-of-somebody";
    expect(await found([{ topic, config: {}, replicas: [[1]] }])).toEqual([
      "ok 0 topics, all as they should be",
    ]);
  });

  test.each<[string, Topic, RegExp]>([
    ["few replicas", { replicas: [[1, 2]] }, /2 replica\(s\) where there should be 3/],
    ["min.insync", { config: { ...GOOD, "min.insync.replicas": "1" } }, /on one disk/],
    [
      "unclean elections",
      { config: { ...GOOD, "unclean.leader.election.enable": "true" } },
      /may vanish/,
    ],
    ["devices' clocks", { config: { ...GOOD, "message.timestamp.type": "CreateTime" } }, /clocks/],
    ["compaction", { config: COMPACTED }, /readings would be lost/],
    ["a bound on bytes", { config: { ...GOOD, "retention.bytes": "1000" } }, /before their time/],
    ["a short retention", { config: { ...GOOD, "retention.ms": "60000" } }, /shorter than/],
    [
      "more partitions",
      {
        replicas: [
          [1, 2, 3],
          [1, 2, 3],
        ],
      },
      /its order is void/,
    ],
    ["compression", { config: { ...GOOD, "compression.type": "gzip" } }, /nobody could read it/],
    ["small batches", { config: { ...GOOD, "max.message.bytes": "10000" } }, /would be refused/],
    ["internal, not compacted", { topic: INTERNAL }, /keys would be lost/],
    [
      "internal, partly compacted",
      { topic: INTERNAL, config: { ...GOOD, "cleanup.policy": "compact,delete" } },
      /keys would be lost/,
    ],
    [
      "internal, in two",
      {
        topic: INTERNAL,
        config: COMPACTED,
        replicas: [
          [1, 2, 3],
          [1, 2, 3],
        ],
      },
      /there is one order/,
    ],
  ])("refuses %s", async (_what, topic, message) => {
    const findings = await found([topic]);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatch(/^error /);
    expect(findings[0]).toMatch(message);
  });

  test("counts brokers that are down, by what is on them, and those that are expected", async () => {
    const few = { replicas: [[1]], config: { ...GOOD, "min.insync.replicas": "1" } };
    expect(await found([few], { brokers: 1 })).toEqual([expect.stringMatching(/^ok /)]);
    const internal = { topic: INTERNAL, config: COMPACTED };
    const besides = await found([few, internal], { brokers: 1 });
    expect(besides).toEqual([expect.stringMatching(/^error 1 replica\(s\) where .* 3/)]);
    const expected = await found([few], { brokers: 1, config: { replication: 2 } });
    expect(expected).toEqual([expect.stringMatching(/^error 1 replica\(s\) where .* 2/)]);
  });

  test("warns of a long retention, which loses nothing", async () => {
    const forever = { ...GOOD, "retention.ms": "-1" };
    expect(await found([{ config: forever }])).toEqual([
      expect.stringMatching(/^warning .*longer/),
    ]);
  });

  test("holds topics against no head where they may be of tenants that are not known", async () => {
    const odd = {
      config: { ...GOOD, "retention.ms": "60000" },
      replicas: [
        [1, 2, 3],
        [1, 2, 3],
      ],
    };
    const fine = [expect.stringMatching(/^ok /)];
    expect(await found([odd], { tenants: async () => null })).toEqual(fine);
    const topic = new Fleet("other").only.store.topicName(INTERNAL_KIND.registry);
    expect(await found([odd, { topic, config: COMPACTED }])).toEqual(fine);
  });
});
