import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { FORMATS } from "../../../agent/consumer/formats.ts";
import { KeyRing } from "../../../agent/consumer/key-ring.ts";
import { Opener } from "../../../agent/consumer/opener.ts";
import { Progress, SAVE_INTERVAL_MS } from "../../../agent/consumer/progress.ts";
import { FormattedSink, type ReadingSink } from "../../../agent/consumer/reading-sink.ts";
import { Receiver } from "../../../agent/consumer/receiver.ts";
import { FileSink } from "../../../agent/consumer/sinks.ts";
import { NEVER } from "../../../core/runtime/backoff.ts";
import { VeilError } from "../../../core/errors.ts";
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
