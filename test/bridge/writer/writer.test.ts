import { describe, expect, it } from "vitest";
import { Sender } from "../../../bridge/writer/record.ts";
import type { PartitionBatch } from "../../../core/ports/kafka/producer.ts";
import { until } from "../../support/until.ts";
import { FakeKafka, POISON, write, writerOn } from "./fake-kafka.ts";

const values = (batch: PartitionBatch | undefined): string[] =>
  (batch?.messages ?? []).map(({ value }) => String(value));
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("batches", () => {
  it("gather what comes within the linger, of all partitions, into one request", async () => {
    const kafka = new FakeKafka();
    const writer = writerOn(kafka, { limits: { lingerMs: 20 } });
    await Promise.all([
      write(writer, new Sender(), "a"),
      write(writer, new Sender(), "b"),
      write(writer, new Sender(), "c", "other"),
    ]);
    expect(kafka.requests.map((request) => request.map(values))).toEqual([[["a", "b"], ["c"]]]);
  });

  it("leave at once when they are full, in order, and no larger than they may be", async () => {
    const kafka = new FakeKafka();
    const writer = writerOn(kafka, { limits: { lingerMs: 5000, maxBatchMessages: 10 } });
    const session = new Sender();
    const all = Array.from({ length: 25 }, (_, i) => `r${i}`);
    const writes = all.map((value) => write(writer, session, value));
    await Promise.all(writes);
    expect(kafka.requests.map(([batch]) => values(batch).length)).toEqual([10, 10, 5]);
    expect(kafka.log.get("t")).toEqual(all);
  });

  it("respect the bound on bytes", async () => {
    const kafka = new FakeKafka();
    const writer = writerOn(kafka, { limits: { maxBatchBytes: 300 } });
    const session = new Sender();
    await Promise.all(
      Array.from({ length: 6 }, (_, i) => write(writer, session, `${i}`.repeat(100))),
    );
    expect(kafka.requests.every(([batch]) => values(batch).length <= 2)).toBe(true);
  });
});

describe("a partition in trouble", () => {
  it("is retried for ever, in order, and acknowledged only then", async () => {
    const kafka = new FakeKafka();
    let isAway = true;
    kafka.outcome = () => (isAway ? "lost" : "ok");
    const writer = writerOn(kafka);
    const session = new Sender();
    const done: string[] = [];
    const writes = ["a", "b", "c"].map((value) =>
      write(writer, session, value).then(() => done.push(value)),
    );
    await until(() => kafka.requests.length > 5);
    expect(done).toEqual([]);
    expect(writer.failing).toBe(1);
    isAway = false;
    await Promise.all(writes);
    expect(done).toEqual(["a", "b", "c"]);
    expect(kafka.log.get("t")).toEqual(["a", "b", "c"]);
    expect(writer.failing).toBe(0);
  });

  it("holds up no other partition, neither failing nor hanging", async () => {
    const kafka = new FakeKafka();
    kafka.outcome = ({ topic }) =>
      topic === "hanging" ? new Promise(() => undefined) : topic === "failing" ? "lost" : "ok";
    const writer = writerOn(kafka);
    const stuck = [
      write(writer, new Sender(), "x", "hanging"),
      write(writer, new Sender(), "y", "failing"),
    ];
    const settled = Promise.allSettled(stuck);
    for (let i = 0; i < 20; i++) await write(writer, new Sender(), `r${i}`, "healthy");
    expect(kafka.log.get("healthy")?.length).toBe(20);
    expect(kafka.requests.filter((r) => r.some((b) => b.topic === "failing")).at(-1)?.length).toBe(
      1,
    );
    await writer.stop(0);
    expect((await settled).every(({ status }) => status === "rejected")).toBe(true);
  });

  it("does not keep another from its first retry when thousands fail", async () => {
    const kafka = new FakeKafka();
    kafka.delayMs = 20;
    let failedOnce = false;
    kafka.outcome = ({ topic }) => {
      if (topic !== "healthy") return "lost";
      if (failedOnce) return "ok";
      failedOnce = true;
      return "unclear";
    };
    const writer = writerOn(kafka, { limits: { maxRetrying: 2 } });
    for (let i = 0; i < 300; i++)
      write(writer, new Sender(), "x", `away${i}`).catch(() => undefined);
    await sleep(100);
    const started = performance.now();
    await write(writer, new Sender(), "r", "healthy");
    expect(performance.now() - started).toBeLessThan(5000);
    const [before, sinceMs] = [kafka.requests.length, performance.now()];
    await sleep(200);
    // Two at a time, 20 ms each: one in 10 ms.
    expect(kafka.requests.length - before).toBeLessThan((performance.now() - sinceMs) / 5);
    await writer.stop(0);
  });

  it("survives a send that throws", async () => {
    const kafka = new FakeKafka();
    let calls = 0;
    const writer = writerOn(kafka, {
      send: async (batches, onResult) => {
        calls += 1;
        if (calls < 3) throw new Error("a bug");
        await kafka.send(batches, onResult);
      },
    });
    await write(writer, new Sender(), "r");
    expect(kafka.confirmed).toEqual(new Set(["r"]));
  });
});

describe("a record that fails for good", () => {
  it("is found among its batch, rejected with its code, and takes the later ones of its session along", async () => {
    const kafka = new FakeKafka();
    kafka.outcome = ({ topic }) => (topic === "other" ? "lost" : "ok");
    const writer = writerOn(kafka);
    const [bad, good] = [new Sender(), new Sender()];
    const results = await Promise.allSettled([
      write(writer, bad, "a1"),
      write(writer, good, "b1"),
      write(writer, bad, `${POISON}-a2`),
      write(writer, bad, "a3"),
      write(writer, good, "b2"),
      write(writer, bad, "a4", "other"),
    ]);
    expect(results.map((r) => (r.status === "rejected" ? r.reason.code : "ok"))).toEqual([
      ...["ok", "ok", "TOO_LARGE", "DISCONNECTED", "ok", "DISCONNECTED"],
    ]);
    expect(kafka.log.get("t")).toEqual(["a1", "b1", "b2"]);
    await expect(write(writer, bad, "a5")).rejects.toMatchObject({ code: "DISCONNECTED" });
    await write(writer, good, "b3");
  });

  it("does not touch what its session wrote before, in another partition", async () => {
    const kafka = new FakeKafka();
    let isAway = true;
    kafka.outcome = ({ topic }) => (topic === "slow" && isAway ? "lost" : "ok");
    const writer = writerOn(kafka);
    const session = new Sender();
    const early = write(writer, session, "early", "slow");
    await expect(write(writer, session, POISON, "t")).rejects.toMatchObject({ code: "TOO_LARGE" });
    isAway = false;
    await early;
  });

  it("is rejected with NOT_FOUND when its topic is gone, and the others go on", async () => {
    const kafka = new FakeKafka();
    kafka.outcome = ({ topic }) => (topic === "gone" ? "NOT_FOUND" : "ok");
    const writer = writerOn(kafka);
    const [gone, fine] = await Promise.allSettled([
      write(writer, new Sender(), "x", "gone"),
      write(writer, new Sender(), "y", "t"),
    ]);
    expect(gone).toMatchObject({ reason: { code: "NOT_FOUND" } });
    expect(fine.status).toBe("fulfilled");
  });
});

describe("a session that ends", () => {
  it("has its records rejected at once and not sent again", async () => {
    const kafka = new FakeKafka();
    kafka.outcome = (batch) => (values(batch).includes("a") ? "lost" : "ok");
    const writer = writerOn(kafka);
    const [ended, other] = [new Sender(), new Sender()];
    const mine = Promise.allSettled([write(writer, ended, "a"), write(writer, ended, "b")]);
    const theirs = write(writer, other, "c");
    await until(() => kafka.requests.length > 0);
    writer.drop(ended);
    const before = kafka.requests.length;
    expect((await mine).every((r) => r.status === "rejected")).toBe(true);
    await theirs;
    expect(kafka.requests.slice(before).flat().flatMap(values)).toEqual(["c"]);
    expect(kafka.log.get("t")).toEqual(["c"]);
    expect(writer.queued).toBe(0);
  });
});

it("passes over what a session had in flight when it ended and the request failed", async () => {
  const kafka = new FakeKafka();
  kafka.delayMs = 40;
  let requests = 0;
  kafka.outcome = () => (requests++ === 0 ? "lost" : "ok");
  const writer = writerOn(kafka);
  const [ended, other] = [new Sender(), new Sender()];
  const mine = Promise.allSettled([write(writer, ended, "a"), write(writer, ended, "b")]);
  const theirs = write(writer, other, "c");
  await until(() => kafka.requests.length === 1);
  writer.drop(ended);
  await Promise.all([mine, theirs]);
  expect(kafka.log.get("t")).toEqual(["c"]);
});

describe("bounds", () => {
  it("refuse with LIMIT what is too much for one session, and break it", async () => {
    const kafka = new FakeKafka();
    kafka.outcome = () => "lost";
    const writer = writerOn(kafka, { limits: { maxPerSession: 2 } });
    const session = new Sender();
    const kept = [write(writer, session, "a"), write(writer, session, "b")];
    await expect(write(writer, session, "c")).rejects.toMatchObject({ code: "LIMIT" });
    kafka.outcome = () => "ok";
    await Promise.all(kept);
    await expect(write(writer, session, "d")).rejects.toMatchObject({ code: "DISCONNECTED" });
    await write(writer, new Sender(), "e");
  });

  it("report pressure from half of all bytes on, and its end", async () => {
    const kafka = new FakeKafka();
    kafka.outcome = () => "lost";
    const pressure: boolean[] = [];
    const writer = writerOn(kafka, {
      limits: { maxBytes: 10_000 },
      onPressure: (isHigh) => pressure.push(isHigh),
    });
    const writes = [1, 2, 3].map(() => write(writer, new Sender(), "x".repeat(2000)));
    expect(pressure).toEqual([true]);
    const more = [1, 2, 3].map(() => write(writer, new Sender(), "x".repeat(2000)));
    const settled = Promise.allSettled(more);
    kafka.outcome = () => "ok";
    await Promise.all(writes);
    expect((await settled).filter((r) => r.status === "rejected").length).toBe(2);
    expect(pressure).toEqual([true, false]);
    expect(writer.queuedBytes).toBe(0);
  });
});

describe("stop", () => {
  it("finishes what it has without waiting for more", async () => {
    const kafka = new FakeKafka();
    const writer = writerOn(kafka, { limits: { lingerMs: 60_000 } });
    const writes = [write(writer, new Sender(), "a"), write(writer, new Sender(), "b", "other")];
    await writer.stop(20_000);
    await Promise.all(writes);
    await expect(write(writer, new Sender(), "c")).rejects.toMatchObject({ code: "STOPPED" });
  });

  it("gives up at the deadline what Kafka does not take", async () => {
    const kafka = new FakeKafka();
    kafka.outcome = () => "lost";
    const writer = writerOn(kafka);
    const written = write(writer, new Sender(), "a");
    const [result] = await Promise.all([Promise.allSettled([written]), writer.stop(50)]);
    expect(result[0]).toMatchObject({ reason: { code: "STOPPED" } });
    const requests = kafka.requests.length;
    await sleep(50);
    expect(kafka.requests.length).toBeLessThanOrEqual(requests + 1);
  });
});
