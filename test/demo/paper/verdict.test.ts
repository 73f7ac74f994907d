/** The verdict must be able to say no: each figure's claim is broken in turn. */
import { describe, expect, test } from "vitest";
import type { Beginning, SentRecord } from "../../../demo/paper/lines.ts";
import type { Observed } from "../../../demo/paper/observed.ts";
import { groupsIn, REPORT_NAMES, REPORT_TRAPDOORS } from "../../../demo/paper/report.ts";
import { judge } from "../../../demo/paper/verdict.ts";

const RECORDS = 10;
const BROKER = "127.0.0.1:9092";
const LEADER = "127.0.0.1:9093";
const TRAPDOOR =
  "04c00844074f0cf407910a6a04010ca30a96062b01ef0c6002cb0184000002b307190b8f02310b71096e01ef0719085b03750263062209a002da01ed07e906c9";

function sent(firstOffset: number): SentRecord[] {
  return Array.from({ length: RECORDS }, (_, index) => {
    const key = 1_620_226_359_724 + firstOffset + index;
    const value = `Hello at ${key}`;
    return { key, value, partition: 0, offset: firstOffset + index, elapsedMs: 4006 * index };
  });
}

function producer(topic: "topic-1" | "topic-2", firstOffset: number) {
  return { broker: BROKER, name: REPORT_NAMES[topic], sent: sent(firstOffset) };
}

function consumer(
  topic: "topic-1" | "topic-2",
  beginning: Beginning,
  received: readonly SentRecord[],
) {
  const name = REPORT_NAMES[topic];
  return { trapdoor: TRAPDOOR, broker: LEADER, name, beginning, received };
}

const good: Observed = {
  names: REPORT_NAMES,
  brokers: [BROKER, LEADER],
  listed: Object.values(REPORT_NAMES).sort(),
  first: {
    producer: producer("topic-1", 0),
    consumer: consumer("topic-1", { offset: 1, from: "latest" }, sent(0).slice(1)),
  },
  second: {
    producer: producer("topic-1", 10),
    consumer: consumer("topic-1", { offset: 10, from: "committed" }, sent(10)),
  },
  streaming: {
    producer: producer("topic-2", 40),
    before: consumer("topic-2", { offset: 40, from: "latest" }, sent(40).slice(0, 3)),
    after: consumer("topic-2", { offset: 43, from: "committed" }, sent(40).slice(3)),
  },
  latest: `${REPORT_NAMES["topic-2"]}:0:50`,
  answer: `{"topic_name":"${REPORT_NAMES["topic-2"]}","brokerAddress":"${LEADER}"}`,
  leader: LEADER,
  missing: "Topic not found",
};

function failures(seen: Observed): string[] {
  return judge(seen, RECORDS).flatMap(({ figure, held }) => (held ? [] : [figure]));
}

describe("the verdict", () => {
  test("is yes for what the report shows", () => {
    expect(failures(good)).toEqual([]);
  });

  const { first, second, streaming } = good;
  const broken: readonly [what: string, figures: string[], seen: Observed][] = [
    ["a topic that is not listed", ["4.1"], { ...good, listed: good.listed.slice(1) }],
    [
      "another name",
      ["4.1", "4.7"],
      { ...good, names: { ...good.names, "topic-2": "058402c700ea" } },
    ],
    [
      "a producer at another broker",
      ["4.2, 4.4"],
      { ...good, first: { ...first, producer: { ...first.producer, broker: LEADER } } },
    ],
    [
      "a consumer that missed nothing",
      ["4.5"],
      { ...good, first: { ...first, consumer: { ...first.consumer, received: sent(0) } } },
    ],
    [
      "a trapdoor that is not the figures'",
      ["4.5"],
      {
        ...good,
        first: { ...first, consumer: { ...first.consumer, trapdoor: "0".repeat(128) } },
      },
    ],
    [
      "records that never arrived",
      ["4.3"],
      { ...good, second: { ...second, consumer: { ...second.consumer, received: [] } } },
    ],
    [
      "a record twice around the stop",
      ["4.6"],
      {
        ...good,
        streaming: { ...streaming, after: { ...streaming.after, received: sent(40).slice(2) } },
      },
    ],
    [
      "a restart at the latest",
      ["4.6"],
      {
        ...good,
        streaming: {
          ...streaming,
          after: { ...streaming.after, beginning: { offset: 43, from: "latest" } },
        },
      },
    ],
    ["another latest offset", ["4.7"], { ...good, latest: `${REPORT_NAMES["topic-2"]}:0:49` }],
    ["a broker that does not lead", ["Listing 7"], { ...good, leader: BROKER }],
    ["another word for nothing", ["last par."], { ...good, missing: "non-existent topic" }],
  ];
  test.each(broken)("is no for %s", (_, figures, seen) => {
    expect(failures(seen)).toEqual(figures);
  });
});

describe("groups in a scan", () => {
  test("are found in order, past digits that were misread, doubled or dropped", () => {
    expect(groupsIn("0bb20ad6007d", "0bb20ad6007d")).toBe(3);
    expect(groupsIn("0bb20ado007d", "0bb20ad6007d")).toBe(2);
    expect(groupsIn("00bb200ad6007d", "0bb20ad6007d")).toBe(3);
    expect(groupsIn("0bb0ad6007d", "0bb20ad6007d")).toBe(2);
    expect(groupsIn("007d0bb2", "0bb2007d")).toBe(1);
    expect(groupsIn("0bb2", "0bb20bb2")).toBe(1);
    expect(groupsIn("", "0bb2")).toBe(0);
  });

  test("of the recovered trapdoor are 25 and 30 of 32", () => {
    expect(groupsIn(REPORT_TRAPDOORS["4.3"].scan, TRAPDOOR)).toBe(25);
    expect(groupsIn(REPORT_TRAPDOORS["4.5"].scan, TRAPDOOR)).toBe(30);
  });
});
