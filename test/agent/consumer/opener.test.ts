import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { KeyRing } from "../../../agent/consumer/key-ring.ts";
import { Marks } from "../../../agent/consumer/marks.ts";
import { type Opened, Opener } from "../../../agent/consumer/opener.ts";
import { RECORDS_PER_TASK, UnsealThreads } from "../../../agent/consumer/unseal-threads.ts";
import { type ErrorCode, VeilError } from "../../../core/errors.ts";
import type { FeedBatch } from "../../../core/ports/kafka/feed.ts";
import type { ReleasedKey } from "../../../core/wire/http.ts";
import { KAFKA_TOPIC, kmsPublicKey, Producer, scheme, TOPIC } from "./world.ts";

const never = new AbortController().signal;

/** An opener whose bridge answers with `keys`, whatever it is asked. */
function openerWith(
  keys: ReleasedKey[],
  topic = TOPIC,
  threads: Pick<UnsealThreads, "open"> | null = null,
) {
  const calls: Buffer[][] = [];
  const bridge = {
    keys: async (_topic: string, kids: readonly Buffer[]) => {
      calls.push([...kids]);
      return { keys, missing: [] };
    },
  };
  const options = { topic, kafkaTopic: KAFKA_TOPIC, kmsPublicKey, schemeOf: () => scheme };
  const ring = new KeyRing({ ...options, bridge });
  return {
    calls,
    opener: new Opener({ topic, keys: ring, threads, log: pino({ level: "silent" }) }),
  };
}

async function open(opener: Opener, batch: FeedBatch, marks: Marks): Promise<Opened> {
  return opener.open(await opener.prepare(batch, marks, never), marks);
}

function batchOf(...records: Buffer[]) {
  const messages = records.map((value, n) => ({
    offset: BigInt(n),
    timestampMs: 0,
    key: Buffer.from("pseudo-1"),
    value,
  }));
  return { topic: KAFKA_TOPIC, partition: 0, messages, highWatermark: BigInt(records.length) };
}

describe("opening a batch", () => {
  test("gives readings in order, asks once for many records, and drops repeats", async () => {
    const producer = new Producer("device-1");
    const { opener, calls } = openerWith([producer.released]);
    const records = [producer.seal(), producer.seal(), producer.seal()];
    const again = [records[0], records[2]].filter((record) => record !== undefined);
    const marks = new Marks();
    const opened = await open(opener, batchOf(...records, ...again), marks);
    expect(opened.readings.map(({ id }) => id.split(":")[1])).toEqual(["0", "1", "2"]);
    expect(opened).toMatchObject({ rejects: [], repeats: 2 });
    expect(opened.readings[0]).toMatchObject({
      topic: TOPIC,
      producer: "device-1",
      timeMs: 1_700_000_000_000,
      pack: [{ n: "t", v: 21.5 }],
      offset: 0n,
    });
    expect(calls).toHaveLength(1);
    expect(await open(opener, batchOf(...records), marks)).toMatchObject({ repeats: 3 });
  });

  test("rejects what does not open, with the place and the reason, and goes on", async () => {
    const producer = new Producer("device-1");
    const { opener } = openerWith([producer.released]);
    const forged = producer.seal();
    forged.writeUInt8(forged.readUInt8(50) ^ 1, 50);
    const noPack = producer.seal({ not: "a pack" });
    const batch = batchOf(Buffer.from("garbage"), forged, noPack, producer.seal());
    const opened = await open(opener, batch, new Marks());
    expect(opened.readings).toHaveLength(1);
    expect(opened.rejects.map(({ offset, code }) => [offset, code])).toEqual([
      [0n, "BAD_RECORD"],
      [1n, "BAD_RECORD"],
      [2n, "BAD_ARGUMENT"],
    ]);
  });

  test("does not let a forged record hide the true one behind it", async () => {
    const producer = new Producer("device-1");
    const { opener } = openerWith([producer.released]);
    const [first, second] = [producer.seal(), producer.seal()];
    const forged = Buffer.from(second);
    forged.writeBigUInt64BE(1000n, 26);
    const opened = await open(opener, batchOf(first, forged, second), new Marks());
    expect(opened.readings).toHaveLength(2);
    expect(opened.rejects).toHaveLength(1);
  });

  /** Opens a record whose keys are refused with `code` at first. */
  async function openAfter(code: ErrorCode): Promise<Opened> {
    const producer = new Producer("device-1");
    let failures = 2;
    const bridge = {
      keys: async () => {
        if (failures-- > 0) throw new VeilError(code, "by the test");
        return { keys: [producer.released], missing: [] };
      },
    };
    const options = { topic: TOPIC, kafkaTopic: KAFKA_TOPIC, kmsPublicKey };
    const keys = new KeyRing({ ...options, schemeOf: () => scheme, bridge });
    const opener = new Opener({ topic: TOPIC, keys, log: pino({ level: "silent" }) });
    return open(opener, batchOf(producer.seal()), new Marks());
  }

  test.each<ErrorCode>(["UNAVAILABLE", "LIMIT", "EPOCH", "INTERNAL"])(
    "waits while keys cannot be had because of %s",
    async (code) => {
      expect(await openAfter(code)).toMatchObject({ readings: [{}], rejects: [] });
    },
  );

  test.each<ErrorCode>(["NOT_FOUND", "REVOKED", "AUTH"])("does not wait after %s", async (code) => {
    await expect(openAfter(code)).rejects.toMatchObject({ code });
  });
});

test("threads open what this one opens, and refuse what it refuses", async () => {
  const threads = new UnsealThreads({ threads: 2 });
  onTestFinished(() => threads.stop());
  const plain = new Producer("device-1");
  const signing = new Producer("device-2", { signs: true });
  const unknown = new Producer("device-3");
  const forged = signing.seal(undefined, { sign: true });
  forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
  const unsigned = signing.seal();
  const records = Array.from({ length: 3 * RECORDS_PER_TASK }, (_, n) =>
    n % 2 ? plain.seal([{ n: "count", v: n }]) : signing.seal([{ n: "a", v: n }], { sign: true }),
  );
  const odd = [Buffer.from("garbage"), forged, unknown.seal(), unsigned, plain.seal("no pack")];
  const [first = Buffer.alloc(0)] = records;
  records.splice(RECORDS_PER_TASK, 0, first);
  records.unshift(...odd);
  const keys = [plain.released, signing.released];
  const messages = batchOf(...records).messages.map((message, n) => {
    const isPlain = records[n]?.includes(plain.key.kid);
    return { ...message, key: Buffer.from(isPlain ? "pseudo-1" : "pseudo-2") };
  });
  const batch = { ...batchOf(), messages };
  const [here, there] = [new Marks(), new Marks()];
  const expected = await open(openerWith(keys).opener, batch, here);
  const opened = await open(openerWith(keys, TOPIC, threads).opener, batch, there);
  expect(expected).toMatchObject({ repeats: 1 });
  expect(expected.rejects).toHaveLength(odd.length);
  expect(expected.readings).toHaveLength(3 * RECORDS_PER_TASK);
  expect(opened).toEqual(expected);
  expect(there.save()).toEqual(here.save());
});

test("what a thread has not opened that ended is opened here", async () => {
  const lost = async (): Promise<never> => {
    throw new VeilError("UNAVAILABLE", "a worker thread ended in its task");
  };
  const producer = new Producer("device-1");
  const { opener } = openerWith([producer.released], TOPIC, { open: lost });
  const batch = batchOf(producer.seal(), producer.seal());
  expect((await open(opener, batch, new Marks())).readings).toHaveLength(2);
});

test("threads that are stopped in a batch leave nobody waiting", async () => {
  const threads = new UnsealThreads({ threads: 1 });
  const producer = new Producer("device-1");
  const { opener } = openerWith([producer.released], TOPIC, threads);
  const marks = new Marks();
  const records = Array.from({ length: 2 * RECORDS_PER_TASK }, () => producer.seal());
  const prepared = await opener.prepare(batchOf(...records), marks, never);
  await threads.stop();
  await expect(opener.open(prepared, marks)).rejects.toMatchObject({
    code: expect.stringMatching(/STOPPED|INTERNAL/),
  });
});

describe("a bridge that lies", () => {
  const cases: [what: string, lie: (honest: Producer) => ReleasedKey[], reason: RegExp][] = [
    ["has no such key", () => [], /no key announcement/],
    [
      "releases another key",
      (honest) => [{ ...honest.released, V: new Producer("device-1").released.V }],
      /not the announced one/,
    ],
    [
      "plants its own announcement under a seen kid",
      (honest) => [{ ...new Producer("device-1").released, kid: honest.key.kid }],
      /another key/,
    ],
    [
      "gives another producer's certificate",
      (honest) => [{ ...honest.released, cert: new Producer("device-2").released.cert }],
      /not signed by this tenant's KMS/,
    ],
    [
      "gives an older certificate of the same client, of another signing key",
      (honest) => [{ ...honest.released, cert: new Producer("device-1").released.cert }],
      /did not sign/,
    ],
  ];

  test.each(cases)("that %s gets the record rejected", async (_what, lie, reason) => {
    const honest = new Producer("device-1");
    const { opener } = openerWith(lie(honest));
    const opened = await open(opener, batchOf(honest.seal()), new Marks());
    expect(opened.readings).toEqual([]);
    expect(opened.rejects[0]?.reason).toMatch(reason);
  });

  test("and moves a record and its key to another topic is found out", async () => {
    const elsewhere = new Producer("device-1", { topic: "field/south/climate" });
    const { opener } = openerWith([elsewhere.released]);
    const opened = await open(opener, batchOf(elsewhere.seal()), new Marks());
    expect(opened.rejects[0]?.reason).toMatch(/not the announced one/);
  });

  test("cannot strip the signature of a producer that signs", async () => {
    const producer = new Producer("device-1", { signs: true });
    const { opener } = openerWith([producer.released]);
    const batch = batchOf(producer.seal(), producer.seal([{ n: "t", v: 1 }], { sign: true }));
    const opened = await open(opener, batch, new Marks());
    expect(opened.rejects[0]?.reason).toMatch(/not signed/);
    expect(opened.readings).toHaveLength(1);
  });

  test("cannot plant a false announcement beside the true one to deny it", async () => {
    const honest = new Producer("device-1");
    const planted = { ...new Producer("device-2").released, kid: honest.key.kid };
    const { opener } = openerWith([planted, honest.released]);
    const opened = await open(opener, batchOf(honest.seal()), new Marks());
    expect(opened.readings).toHaveLength(1);
  });
});
