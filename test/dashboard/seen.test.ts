/** Who is asked what they see of a record, and what is said of those who do not answer. */
import { describe, expect, test } from "vitest";
import type { Reading } from "../../agent/consumer/reading.ts";
import { lookAt, type SeenSources } from "../../agent/dashboard/seen.ts";
import { KAFKA_TOPIC, Producer } from "../agent/consumer/world.ts";

const NOW_MS = 1_700_000_000_000;
const RECORD = new Producer("pi").seal();

const reading: Reading = {
  ...{ id: "k:0", topic: "a/b", producer: "pi", timeMs: NOW_MS, takenMs: NOW_MS },
  ...{ pack: [{ n: "t", v: 21.5 }], kafkaTopic: KAFKA_TOPIC, partition: 0, offset: 7n },
};

function sources(change: Partial<SeenSources> = {}): SeenSources {
  return {
    tenant: "acme",
    newest: () => reading,
    record: async () => ({
      ...{ offset: 7n, timestampMs: NOW_MS, key: Buffer.from("abcd"), value: RECORD },
    }),
    node: async (path) => Buffer.from(`${"s".repeat(64)}{"path":"${path}"}`),
    onSilent: () => undefined,
    ...change,
  };
}

const fails = async (): Promise<never> => {
  throw new Error("nobody is there");
};

describe("what do they see", () => {
  test("asks each party on its own: one that does not answer leaves the others' answers", async () => {
    const silent: string[] = [];
    const onSilent = (party: string) => void silent.push(party);
    const kafkaAway = await lookAt("a/b", sources({ record: fails, onSilent }));
    expect(kafkaAway).toMatchObject({
      ...{ silent: ["kafka"], you: { producer: "pi" }, kafka: null, network: null },
      zookeeper: { isAsked: true, nodes: [{ bytes: expect.any(Number) }, {}, {}] },
    });
    const zookeeperAway = await lookAt("a/b", sources({ node: fails, onSilent }));
    expect(zookeeperAway).toMatchObject({
      ...{ silent: ["zookeeper"], kafka: { offset: "7", header: { suite: 1 } } },
      zookeeper: { isAsked: true, nodes: [{ bytes: null }, { bytes: null }, { bytes: null }] },
      network: { bytes: RECORD.length },
    });
    expect(silent).toEqual(["kafka", "zookeeper"]);
  });

  test("shows what Kafka has, also where it is no record of ours", async () => {
    const record = async () => ({
      ...{ offset: 7n, timestampMs: NOW_MS, key: null, value: Buffer.from("garbage") },
    });
    expect(await lookAt("a/b", sources({ record }))).toMatchObject({
      ...{ silent: [], kafka: { bytes: 7, key: "", header: null }, network: null },
    });
  });

  test("asks nobody of a topic in which nothing has come, and no ZooKeeper that was not given", async () => {
    const nobody = sources({ newest: () => null, record: fails, node: fails });
    expect(await lookAt("a/b", nobody)).toMatchObject({ silent: [], you: null, kafka: null });
    expect((await lookAt("a/b", sources({ node: null }))).zookeeper.isAsked).toBe(false);
  });
});
