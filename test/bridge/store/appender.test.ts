import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Appender } from "../../../bridge/store/appender.ts";
import { VeilError } from "../../../core/errors.ts";
import type { PartitionBatch, PartitionResult } from "../../../core/ports/kafka/producer.ts";

/** Answers each request as `next` says; by default it confirms. */
function kafka() {
  const requests: PartitionBatch[] = [];
  const state = { running: 0, most: 0, errors: [] as VeilError[], delayMs: 1 };
  const producer = {
    async send([batch]: readonly PartitionBatch[]): Promise<readonly PartitionResult[]> {
      if (!batch) throw new Error("no batch");
      requests.push(batch);
      state.most = Math.max(state.most, ++state.running);
      await sleep(state.delayMs);
      state.running--;
      const { topic, partition } = batch;
      const error = state.errors.shift();
      if (error) return [{ status: "failed", topic, partition, error }];
      return [{ status: "confirmed", topic, partition, baseOffset: 0n }];
    },
  };
  return { requests, state, appender: new Appender({ topic: "t", partition: 0, producer }) };
}

const entry = (n: number, bytes = 10) => ({
  key: Buffer.from(`k${n}`),
  value: Buffer.alloc(bytes),
});
const keys = (batch: PartitionBatch | undefined) =>
  batch?.messages.map(({ key }) => key?.toString());

describe("Appender", () => {
  test("what comes while a request is under way goes together into the next, in order", async () => {
    const { requests, state, appender } = kafka();
    await Promise.all(Array.from({ length: 100 }, (_, n) => appender.append(entry(n))));
    expect(requests).toHaveLength(2);
    expect(requests.flatMap((batch) => keys(batch))).toEqual(
      Array.from({ length: 100 }, (_, n) => `k${n}`),
    );
    expect(state.most).toBe(1);
  });

  test("a batch stays below Kafka's limit, and a large entry goes alone", async () => {
    const { requests, appender } = kafka();
    const large = [300_000, 300_000, 300_000, 300_000, 2_000_000, 10];
    await Promise.all(large.map((bytes, n) => appender.append(entry(n, bytes))));
    expect(requests.slice(1).map(keys)).toEqual([["k1", "k2", "k3"], ["k4"], ["k5"]]);
  });

  test("tries again what may succeed", async () => {
    const { requests, state, appender } = kafka();
    state.errors = [
      new VeilError("UNAVAILABLE", "a leader moves"),
      new VeilError("TIMEOUT", "slow"),
    ];
    await appender.append(entry(1));
    expect(requests).toHaveLength(3);
  });

  test("gives up at once what cannot succeed, and goes on with the rest", async () => {
    const { state, appender } = kafka();
    state.errors = [new VeilError("AUTH", "not allowed")];
    const refused = appender.append(entry(1));
    const next = appender.append(entry(2));
    await expect(refused).rejects.toMatchObject({ code: "AUTH" });
    await next;
  });

  test("is bounded", async () => {
    const { appender } = kafka();
    const appends = Array.from({ length: 20_000 }, (_, n) => appender.append(entry(n, 1)));
    await expect(appender.append(entry(1))).rejects.toMatchObject({ code: "LIMIT" });
    await Promise.all(appends);
  });

  test("a stop rejects what is not written", async () => {
    const { state, appender } = kafka();
    state.errors = Array.from({ length: 1_000 }, () => new VeilError("UNAVAILABLE", "away"));
    const waiting = appender.append(entry(1));
    waiting.catch(() => undefined);
    await appender.stop();
    await expect(waiting).rejects.toMatchObject({ code: "STOPPED" });
    await expect(appender.append(entry(2))).rejects.toMatchObject({ code: "STOPPED" });
  });
});
