/** Parsed once, and the same however many there are. */
import { expect, test } from "vitest";
import { UpstreamTopics } from "../../../bridge/ingress/upstream-topics.ts";
import { formatUpstream, parseUpstream } from "../../../core/wire/mqtt.ts";

test("a topic is parsed once, one that is none every time", () => {
  const topics = new UpstreamTopics();
  expect(topics.parse("v1/rec/7")).toEqual({ kind: "rec", alias: 7 });
  expect(topics.parse("v1/rec/7")).toBe(topics.parse("v1/rec/7"));
  expect(topics.parse("v1/rec/0")).toBeNull();
  expect(topics.parse("v1/ack")).toBeNull();
});

test("whatever came before, each is what it is", () => {
  const topics = new UpstreamTopics();
  expect(topics.parse("")).toBeNull();
  for (const topic of ["v1/rec/1", "v1/rec/1", "v1/rec/2", "v1/ack", "v1/ack", "v1/rec/1", ""])
    expect(topics.parse(topic)).toEqual(parseUpstream(topic));
});

test("more than it keeps are parsed all the same", () => {
  const topics = new UpstreamTopics();
  for (let alias = 1; alias <= 10_000; alias++) {
    const topic = formatUpstream({ kind: alias % 2 ? "rec" : "key", alias });
    expect(topics.parse(topic)).toEqual(parseUpstream(topic));
  }
  expect(topics.parse("v1/rec/1")).toEqual({ kind: "rec", alias: 1 });
});
