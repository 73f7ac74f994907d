import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { KeyRing } from "../../../agent/consumer/key-ring.ts";
import { type ErrorCode, VeilError } from "../../../core/errors.ts";
import { MAX_KIDS_PER_CALL, type ReleasedKey } from "../../../core/wire/http.ts";
import { KAFKA_TOPIC, kmsPublicKey, Producer, scheme, TOPIC } from "./world.ts";

/** A key ring, and what its bridge was asked. */
function ringWith(keys: readonly ReleasedKey[], unwrap = scheme.unwrap) {
  const calls: string[][] = [];
  const bridge = {
    keys: async (_topic: string, kids: readonly Buffer[]) => {
      calls.push(kids.map((kid) => kid.toString("hex")));
      return { keys: [...keys], missing: [] };
    },
  };
  const parts = { topic: TOPIC, kafkaTopic: KAFKA_TOPIC, kmsPublicKey, bridge };
  return { calls, ring: new KeyRing({ ...parts, schemeOf: () => ({ ...scheme, unwrap }) }) };
}

const kidOf = (producer: Producer): string => producer.key.kid.toString("hex");

test("asks for several kids in one call, and for none a second time", async () => {
  const producers = ["device-1", "device-2", "device-3"].map((id) => new Producer(id));
  const kids = producers.map(kidOf);
  const { ring, calls } = ringWith(producers.map(({ released }) => released));
  for (let time = 0; time < 2; time++) {
    const keys = await ring.get(kids);
    expect(kids.map((kid) => keys.get(kid))).toMatchObject(
      producers.map(({ id }) => ({ producerId: id })),
    );
  }
  expect(calls).toEqual([kids]);
});

test("asks for no more kids in one call than a bridge takes", async () => {
  const { ring, calls } = ringWith([]);
  const kids = Array.from({ length: MAX_KIDS_PER_CALL + 44 }, () =>
    randomBytes(16).toString("hex"),
  );
  const keys = await ring.get(kids);
  expect(calls.map(({ length }) => length)).toEqual([MAX_KIDS_PER_CALL, 44]);
  expect(calls.flat()).toEqual(kids);
  expect(kids.every((kid) => keys.get(kid) instanceof VeilError)).toBe(true);
});

test("unwraps the keys of one answer at the same time", async () => {
  const producers = ["device-1", "device-2"].map((id) => new Producer(id));
  const waiting: (() => void)[] = [];
  const { ring } = ringWith(
    producers.map(({ released }) => released),
    async (released) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length === producers.length) for (const wake of waiting) wake();
      });
      return scheme.unwrap(released);
    },
  );
  expect((await ring.get(producers.map(kidOf))).size).toBe(2);
});

test.each<[ErrorCode, boolean]>([
  ["BAD_KEY", true],
  ["BAD_RECORD", true],
  ["BAD_DOCUMENT", true],
  ["BAD_CREDENTIAL", true],
  ["LIMIT", false],
  ["UNAVAILABLE", false],
  ["EPOCH", false],
  ["BAD_ARGUMENT", false],
  ["INTERNAL", false],
  ["STOPPED", false],
])("takes %s for a refusal of the key: %s", async (code, isRefusal) => {
  const producer = new Producer("device-1");
  const { ring } = ringWith([producer.released], async () => {
    throw new VeilError(code, "no");
  });
  const got = await ring.get([kidOf(producer)]).then(
    (keys) => keys.get(kidOf(producer)),
    () => "thrown",
  );
  expect(got).toEqual(isRefusal ? expect.objectContaining({ code }) : "thrown");
});
