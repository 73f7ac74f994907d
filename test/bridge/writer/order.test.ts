/**
 * The rule of PROTOCOL.md §3 ("Order and repeats") against a model: devices that resume at their oldest
 * unacknowledged record, over a Kafka that fails in every way a script can think of.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { Sender } from "../../../bridge/writer/record.ts";
import type { Writer } from "../../../bridge/writer/writer.ts";
import { isVeilError } from "../../../core/errors.ts";
import { FakeKafka, type Outcome, POISON, write, writerOn } from "./fake-kafka.ts";

interface Plan {
  /** By device: of each record the topic it goes to, and whether Kafka refuses it for good. */
  readonly devices: readonly (readonly { readonly topic: string; readonly poison: boolean }[])[];
  readonly outcomes: readonly Outcome[];
  /** After so many milliseconds a device's session is dropped; one entry for each of its first sessions. */
  readonly drops: readonly number[];
  readonly window: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  devices: fc.array(
    fc.array(
      fc.record({
        topic: fc.constantFrom("t0", "t1"),
        poison: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    { minLength: 1, maxLength: 4 },
  ),
  outcomes: fc.array(fc.constantFrom("ok", "ok", "lost", "unclear", "late", "silent"), {
    maxLength: 40,
  }),
  drops: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 4 }),
  window: fc.integer({ min: 1, max: 12 }),
});

/** Sends its records in sessions until each is acknowledged or refused; returns those that were refused. */
async function runDevice(
  writer: Writer,
  kafka: FakeKafka,
  records: readonly { value: string; topic: string }[],
  { drops, window }: Plan,
): Promise<string[]> {
  const refused: string[] = [];
  const sessionsToDrop = [...drops];
  let next = 0;
  while (next < records.length) {
    const session = new Sender();
    const dropMs = sessionsToDrop.shift();
    const timer = dropMs === undefined ? undefined : setTimeout(() => writer.drop(session), dropMs);
    const sent = records.slice(next, next + window).map(async ({ value, topic }) => {
      await write(writer, session, value, topic);
      // The heart of it: acknowledged means that Kafka said so before.
      expect(kafka.confirmed).toContain(value);
    });
    const results = await Promise.allSettled(sent);
    clearTimeout(timer);
    for (const result of results) {
      if (result.status === "rejected" && !isVeilError(result.reason)) throw result.reason;
      const isRefused = result.status === "rejected" && result.reason.code === "TOO_LARGE";
      if (result.status === "rejected" && !isRefused) break;
      if (isRefused) refused.push(records[next]?.value ?? "");
      next += 1;
      if (isRefused) break;
    }
    writer.drop(session);
  }
  return refused;
}

it("acknowledges only what is confirmed, loses nothing, and lets nothing overtake", async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (drawn) => {
      const kafka = new FakeKafka();
      const outcomes = [...drawn.outcomes];
      kafka.outcome = () => outcomes.shift() ?? "ok";
      const writer = writerOn(kafka, { limits: { maxBatchMessages: 5, lingerMs: 1 } });
      const devices = drawn.devices.map((records, device) =>
        records.map(({ topic, poison }, i) => {
          return { value: `${poison ? POISON : "record"}-${device}-${i}`, topic };
        }),
      );
      const refused = await Promise.all(
        devices.map((records) => runDevice(writer, kafka, records, drawn)),
      );
      expect(kafka.overlaps).toEqual([]);
      expect(writer.queued).toBe(0);
      expect(writer.queuedBytes).toBe(0);
      for (const [device, records] of devices.entries())
        for (const topic of ["t0", "t1"]) {
          const mine = records.filter((record) => record.topic === topic).map(({ value }) => value);
          const expected = mine.filter((value) => !refused[device]?.includes(value));
          const log = (kafka.log.get(topic) ?? []).filter((value) => mine.includes(value));
          // First appearances, in order: repeats are allowed, overtaking is not.
          expect([...new Set(log)]).toEqual(expected);
        }
      await writer.stop(0);
    }),
    { numRuns: 150 },
  );
});
