import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { createKafka, parseAddress } from "../../../../core/ports/kafka/client.ts";
import { KafkaProducer } from "../../../../core/ports/kafka/producer.ts";
import { sharedCluster } from "../../../support/cluster.ts";
import { batchOf, makeTopic, sharedKafka } from "../../../support/kafka.ts";

describe("parseAddress", () => {
  test.each([
    ["kafka.example:9092", { host: "kafka.example", port: 9092 }],
    ["127.0.0.1:1", { host: "127.0.0.1", port: 1 }],
    ["[::1]:65535", { host: "::1", port: 65_535 }],
  ])("takes %s", (address, expected) => {
    expect(parseAddress(address)).toEqual(expected);
  });

  test.each([
    "",
    "host",
    "host:",
    ":9092",
    "::1:9092",
    "host:0",
    "host:65536",
    "ho st:1",
    "host:1x",
  ])("refuses %j", (address) => {
    expect(() => parseAddress(address)).toThrow(expect.objectContaining({ code: "CONFIG" }));
  });
});

describe("the log", () => {
  async function logOf(level: string): Promise<string[]> {
    const lines: string[] = [];
    const write = (line: string): void => {
      lines.push(line);
    };
    const topic = await makeTopic(sharedKafka(), { config: { "max.message.bytes": "1000" } });
    const seeds = ["127.0.0.1:1", ...sharedCluster().brokers];
    const kafka = createKafka({ brokers: async () => seeds, log: pino({ level }, { write }) });
    const producer = new KafkaProducer({ kafka });
    await producer.send([batchOf(topic, 0, ["secret reading"])]);
    await producer.send([
      batchOf(topic, 0, ["x".repeat(2000)]),
      batchOf("veil-none", 0, ["secret reading"]),
    ]);
    await producer.stop();
    for (const line of lines) expect(line).not.toMatch(/veil-|secret|xxxx/);
    return lines;
  }

  test("holds no names and no payloads, even at its most talkative", async () => {
    const lines = await logOf("trace");
    expect(lines.some((line) => line.includes("Produce"))).toBe(true);
  });

  test("has failed attempts at debug, and nothing above", async () => {
    const lines = await logOf("debug");
    expect(lines.some((line) => line.includes("ECONNREFUSED"))).toBe(true);
    expect(await logOf("info")).toEqual([]);
  });
});
