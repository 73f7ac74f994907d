import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { FORMATS } from "../../../agent/consumer/formats.ts";
import { KeyRing } from "../../../agent/consumer/key-ring.ts";
import { Opener } from "../../../agent/consumer/opener.ts";
import { Progress, SAVE_INTERVAL_MS } from "../../../agent/consumer/progress.ts";
import { type From, Until } from "../../../agent/consumer/range.ts";
import { FormattedSink, type ReadingSink } from "../../../agent/consumer/reading-sink.ts";
import { Receiver } from "../../../agent/consumer/receiver.ts";
import { FileSink } from "../../../agent/consumer/sinks.ts";
import { VeilError } from "../../../core/errors.ts";
import { NEVER } from "../../../core/runtime/backoff.ts";
import { testFolder } from "../../support/folder.ts";
import { KAFKA_TOPIC, kmsPublicKey, Producer, scheme, TOPIC } from "./world.ts";

const log = pino({ level: "silent" });

const NOWHERE: ReadingSink = {
  open: async () => undefined,
  write: async () => undefined,
  flush: async () => null,
  close: async () => undefined,
};

/** A file on a disk that is full. */
class FullDisk extends FileSink {
  override async write(): Promise<void> {
    throw new Error("no space left on device");
  }
}

test("a topic whose keys cannot be had keeps no other waiting", async () => {
  const progress = new Progress({
    ...{ stateDir: null, group: "g", rejects: null, onSaved: () => undefined },
    output: NOWHERE,
  });
  await progress.start();
  const end = new AbortController();
  const written: string[] = [];
  const receiver = new Receiver({
    ...{ progress, log, rejects: null, signal: end.signal, giveUp: () => false },
    output: {
      ...NOWHERE,
      write: async (readings) => void written.push(...readings.map(({ topic }) => topic)),
    },
    scan: async () => undefined,
  });
  const producer = new Producer("device-1");
  const parts = { topic: TOPIC, kafkaTopic: KAFKA_TOPIC, kmsPublicKey, schemeOf: () => scheme };
  let asked = 0;
  const away = async (): Promise<never> => {
    asked += 1;
    throw new VeilError("UNAVAILABLE", "away");
  };
  const bridges = {
    "veil-away": { keys: away },
    "veil-there": { keys: async () => ({ keys: [producer.released], missing: [] }) },
  };
  const offsets = { low: 0n, high: 1n, committed: undefined, offsetAt: async () => 1n };
  for (const [name, bridge] of Object.entries(bridges)) {
    const keys = new KeyRing({ ...parts, bridge });
    receiver.addTopic(name, new Opener({ topic: TOPIC, log, keys }));
    await receiver.startAt({ topic: name, partition: 0, ...offsets });
  }
  const key = Buffer.from("pseudo-1");
  const messages = [{ offset: 0n, timestampMs: 0, key, value: producer.seal() }];
  const batch = { partition: 0, messages, highWatermark: 1n };
  const waiting = receiver.take({ ...batch, topic: "veil-away" });
  await expect.poll(() => asked).toBeGreaterThan(0);
  await receiver.take({ ...batch, topic: "veil-there" });
  expect(written).toEqual([TOPIC]);
  end.abort();
  await expect(waiting).rejects.toMatchObject({ code: "STOPPED" });
});

test("a topic that was deleted counts as read to its end, and what is gone of it is told", async () => {
  const progress = new Progress({
    ...{ stateDir: null, group: "g", rejects: null, onSaved: () => undefined },
    output: NOWHERE,
  });
  await progress.start();
  const until = new Until(0);
  const told: unknown[] = [];
  const looked: string[] = [];
  const receiver: Receiver = new Receiver({
    ...{ progress, log, until, rejects: null, output: NOWHERE, signal: NEVER },
    ...{ giveUp: () => false, scan: async () => undefined },
    observer: { onDeleted: (loss) => told.push(loss) },
    onUnknown: async (kafkaTopic) => {
      looked.push(kafkaTopic);
      // It may be a broker that has just started.
      if (looked.length > 2) receiver.loseTopic(kafkaTopic);
    },
  });
  const producer = new Producer("device-1");
  const bridge = { keys: async () => ({ keys: [producer.released], missing: [] }) };
  const parts = { topic: TOPIC, kmsPublicKey, schemeOf: () => scheme, bridge };
  const deleted = async (): Promise<never> => {
    throw new VeilError("NOT_FOUND", "unknown topic");
  };
  for (const [kafkaTopic, offsetAt] of [
    ["veil-deleted", deleted],
    [KAFKA_TOPIC, async () => 0n],
  ] as const) {
    const keys = new KeyRing({ ...parts, kafkaTopic });
    receiver.addTopic(kafkaTopic, new Opener({ topic: TOPIC, log, keys }));
    const offsets = { low: 0n, high: 3n, committed: 1n, offsetAt };
    await receiver.startAt({ topic: kafkaTopic, partition: 0, ...offsets });
  }
  expect(await until.wait(() => true, NEVER)).toBe(true);
  expect(looked).toEqual(["veil-deleted", "veil-deleted", "veil-deleted"]);
  expect(told).toEqual([{ topic: TOPIC, lost: 2n }]);
  expect(receiver.counts.gone).toBe(2n);
  expect(receiver.positions.list().map(({ kafkaTopic }) => kafkaTopic)).toEqual([KAFKA_TOPIC]);
});

test("of a batch that was taken in part, the rest comes again, and no more", async () => {
  const folder = await testFolder();
  const producer = new Producer("device-1");
  const bridge = { keys: async () => ({ keys: [producer.released], missing: [] }) };
  const parts = { topic: TOPIC, kafkaTopic: KAFKA_TOPIC, kmsPublicKey, schemeOf: () => scheme };
  const key = Buffer.from("pseudo-1");
  const values = [producer.seal(), producer.seal(), Buffer.from("garbage"), producer.seal()];
  const messages = values.map((value, n) => ({ offset: BigInt(n), timestampMs: 0, key, value }));
  const run = async (maxTaken: number) => {
    const seqs: string[] = [];
    const output: ReadingSink = {
      ...NOWHERE,
      taken: maxTaken,
      write: async (readings) => {
        seqs.push(...readings.slice(0, maxTaken).map(({ id }) => id.split(":")[1] ?? ""));
        if (readings.length > maxTaken) throw new VeilError("STOPPED", "stopped");
      },
    };
    const progress = new Progress({
      ...{ stateDir: folder, group: "g", rejects: null, onSaved: () => undefined, output },
    });
    await progress.start();
    const receiver = new Receiver({
      ...{ progress, log, rejects: null, output, giveUp: () => false },
      ...{ signal: new AbortController().signal, scan: async () => undefined },
    });
    const keys = new KeyRing({ ...parts, bridge });
    receiver.addTopic(KAFKA_TOPIC, new Opener({ topic: TOPIC, log, keys }));
    const offsets = { low: 0n, high: 4n, committed: undefined, offsetAt: async () => 4n };
    const from = await receiver.startAt({ topic: KAFKA_TOPIC, partition: 0, ...offsets });
    const batch = { topic: KAFKA_TOPIC, partition: 0, highWatermark: 4n };
    const rest = messages.filter(({ offset }) => offset >= from);
    await receiver.take({ ...batch, messages: rest }).catch(() => undefined);
    await receiver.finish();
    await progress.stop();
    return { seqs, ...receiver.counts };
  };
  expect(await run(2)).toMatchObject({ seqs: ["0", "1"], readings: 2, rejects: 0 });
  expect(await run(9)).toMatchObject({ seqs: ["2"], readings: 1, rejects: 1, repeats: 2 });
});

describe("a run that begins elsewhere than at its checkpoint", () => {
  const key = Buffer.from("pseudo-1");

  /** One run over `values`, from `from`, that is handed `given`; the checkpoint is in `folder`. */
  async function run(options: {
    folder: string | null;
    producer: Producer;
    values: readonly Buffer[];
    from: From;
    given: readonly number[];
    maxScannedRecords?: number;
  }) {
    const { folder, producer, values, from, given, maxScannedRecords = 1000 } = options;
    const messageAt = (n: number) => {
      return { offset: BigInt(n), timestampMs: 0, key, value: values[n] ?? Buffer.alloc(0) };
    };
    const output = { ...NOWHERE };
    const scanned: string[] = [];
    const gaps: bigint[] = [];
    const progress = new Progress({
      ...{ stateDir: folder, group: "g", rejects: null, onSaved: () => undefined, output },
    });
    await progress.start();
    const receiver = new Receiver({
      ...{ progress, log, rejects: null, output, from, giveUp: () => false, maxScannedRecords },
      observer: { onGap: ({ missing }) => gaps.push(missing) },
      signal: new AbortController().signal,
      scan: async ({ first, end, onBatch, ...where }) => {
        scanned.push(`${first} to ${end}`);
        const messages = values.map((_, n) => messageAt(n)).slice(Number(first), Number(end));
        await onBatch({ ...where, messages, highWatermark: end });
      },
    });
    const bridge = { keys: async () => ({ keys: [producer.released], missing: [] }) };
    const parts = { topic: TOPIC, kafkaTopic: KAFKA_TOPIC, kmsPublicKey, schemeOf: () => scheme };
    receiver.addTopic(
      KAFKA_TOPIC,
      new Opener({ topic: TOPIC, log, keys: new KeyRing({ ...parts, bridge }) }),
    );
    const high = BigInt(values.length);
    const offsets = { low: 0n, high, committed: undefined, offsetAt: async () => 2n };
    await receiver.startAt({ topic: KAFKA_TOPIC, partition: 0, ...offsets });
    const batch = { topic: KAFKA_TOPIC, partition: 0, highWatermark: high };
    await receiver.take({ ...batch, messages: given.map(messageAt) });
    await receiver.finish();
    await progress.stop();
    const { readings, repeats } = receiver.counts;
    return { readings, repeats, scanned, gaps };
  }

  test("behind it keeps its marks, and takes nothing passed over for a gap", async () => {
    const folder = await testFolder();
    const producer = new Producer("device-1");
    const values = Array.from({ length: 6 }, () => producer.seal());
    const parts = { folder, producer };
    const first = {
      ...parts,
      values: values.slice(0, 2),
      from: "checkpoint",
      given: [0, 1],
    } as const;
    expect(await run(first)).toMatchObject({ readings: 2, scanned: [] });
    const again = values.slice(0, 2);
    const all = [...values.slice(0, 4), ...again, ...values.slice(4)];
    const later = { ...parts, values: all.slice(0, 4), from: "latest", given: [] } as const;
    expect(await run(later)).toMatchObject({ scanned: ["2 to 4"] });
    const last = { ...parts, values: all, from: "checkpoint", given: [4, 5, 6, 7] } as const;
    expect(await run(last)).toEqual({ readings: 2, repeats: 2, scanned: [], gaps: [] });
  });

  test("before it gives all out again, but not what came twice", async () => {
    const folder = await testFolder();
    const producer = new Producer("device-1");
    const values = Array.from({ length: 4 }, () => producer.seal());
    const parts = { folder, producer, values: [...values, ...values.slice(1, 2)] };
    await run({ ...parts, from: "checkpoint", given: [0, 1, 2, 3] });
    const since = { ...parts, from: { sinceMs: 5 }, given: [2, 3, 4] };
    expect(await run(since)).toEqual({ readings: 2, repeats: 1, scanned: ["0 to 2"], gaps: [] });
  });

  test.each<[From, string[]]>([
    ["latest", ["4 to 6"]],
    [{ sinceMs: 5 }, ["0 to 2"]],
    ["beginning", []],
    ["checkpoint", []],
  ])("from %j scans the newest records before it, and no more", async (from, scanned) => {
    const producer = new Producer("device-1");
    const values = Array.from({ length: 6 }, () => producer.seal());
    const parts = { folder: await testFolder(), producer, values, from, maxScannedRecords: 2 };
    expect(await run({ ...parts, given: [] })).toMatchObject({ scanned });
  });

  test("knows a repeat of what it scanned, though not all was", async () => {
    const producer = new Producer("device-1");
    const values = Array.from({ length: 6 }, () => producer.seal());
    const parts = { folder: await testFolder(), producer, maxScannedRecords: 2 };
    await run({ ...parts, values, from: "latest", given: [] });
    const all = [...values, ...values.slice(5), producer.seal()];
    const later = { ...parts, values: all, from: "checkpoint", given: [6, 7] } as const;
    expect(await run(later)).toEqual({ readings: 1, repeats: 1, scanned: [], gaps: [] });
  });

  test("scans nothing where nothing is remembered", async () => {
    const producer = new Producer("device-1");
    const values = [producer.seal(), producer.seal(), producer.seal()];
    const parts = { folder: null, producer, values };
    const looking = { ...parts, from: { sinceMs: 5 }, given: [2] };
    expect(await run(looking)).toMatchObject({ readings: 1, scanned: [] });
  });
});

test("what the output did not take is in no checkpoint, however much was waiting to be saved", async () => {
  const folder = await testFolder();
  const output = new FormattedSink(new FullDisk(join(folder, "output")), FORMATS.ndjson);
  const progress = new Progress({
    ...{ stateDir: join(folder, "state"), group: "g", output, rejects: null },
    onSaved: () => undefined,
  });
  await progress.start();
  onTestFinished(async () => {
    await progress.stop();
    await output.close();
  });
  const producer = new Producer("device-1");
  const bridge = { keys: async () => ({ keys: [producer.released], missing: [] }) };
  const parts = {
    topic: TOPIC,
    kafkaTopic: KAFKA_TOPIC,
    kmsPublicKey,
    schemeOf: () => scheme,
  };
  const receiver = new Receiver({
    giveUp: () => false,
    ...{ progress, output, log, rejects: null, signal: NEVER },
    scan: async () => undefined,
  });
  receiver.addTopic(
    KAFKA_TOPIC,
    new Opener({ topic: TOPIC, log, keys: new KeyRing({ ...parts, bridge }) }),
  );
  const offsets = { low: 0n, high: 1n, committed: undefined, offsetAt: async () => 1n };
  const range = { topic: KAFKA_TOPIC, partition: 0, ...offsets };
  await receiver.startAt(range);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * SAVE_INTERVAL_MS });
  onTestFinished(() => void vi.useRealTimers());
  const key = Buffer.from("pseudo-1");
  const messages = [{ offset: 0n, timestampMs: 0, key, value: producer.seal() }];
  const taking = receiver.take({ topic: KAFKA_TOPIC, partition: 0, messages, highWatermark: 1n });
  const [taken] = await Promise.allSettled([taking]);
  const [saved] = await Promise.allSettled([receiver.saveIfDue()]);
  expect(taken).toMatchObject({
    status: "rejected",
    reason: { message: "no space left on device" },
  });
  expect(saved).toMatchObject({ status: "rejected" });
  expect(await readFile(join(folder, "state", "checkpoint.json"), "utf8")).not.toContain(
    key.toString("hex"),
  );
});
