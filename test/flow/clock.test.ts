/** A device whose clock is not set when it begins: what a consumer makes of its readings. */
import { expect, test, vi } from "vitest";
import { Clocks } from "../../agent/consumer/clocks.ts";
import { lineOf, type Reading } from "../../agent/consumer/reading.ts";
import { zeroOf } from "../../core/wire/clock.ts";
import { parseJson } from "../../core/wire/fields.ts";
import { senmlPackSchema } from "../../core/wire/senml.ts";
import { line, makeField, range, startAgent, TOPIC, WAIT } from "./field.ts";

test("readings are told apart by boot and time since, and a clock record makes them right, also after a restart", async () => {
  const field = await makeField();
  const { bridge, ptys } = field;
  const packs = () => bridge.read(TOPIC).map((plaintext) => parseJson(plaintext, senmlPackSchema));
  const unset = { isSet: async () => false, lookIntervalMs: 10 };
  const first = await startAgent(field, { clock: unset });
  await ptys[0]?.write(range(0, 3).map(line).join(""));
  await vi.waitFor(() => expect(packs()).toHaveLength(3), WAIT);
  // It ends before the clock is set: the next process owes the record.
  await first.agent.stop();

  let isSet = false;
  const clock = { isSet: async () => isSet, lookIntervalMs: 10 };
  const second = await startAgent(field, { clock });
  await ptys[0]?.write(line(3));
  await vi.waitFor(() => expect(packs()).toHaveLength(4), WAIT);
  isSet = true;
  await vi.waitFor(() => expect(packs()).toHaveLength(5), WAIT);
  await ptys[0]?.write(line(4));
  await vi.waitFor(() => expect(packs()).toHaveLength(6), WAIT);
  await second.agent.stop();

  const heads = packs().map(([head]) => head);
  expect(heads.map((head) => head?.unsynced)).toEqual([
    true,
    true,
    true,
    true,
    undefined,
    undefined,
  ]);
  expect(new Set(heads.map((head) => head?.boot)).size).toBe(1);
  const since = heads.map((head) => head?.mono ?? 0);
  expect(since).toEqual([...since].sort((a, b) => a - b));
  const zero = zeroOf(packs()[4] ?? []);
  expect((zero?.zeroMs ?? 0) + (since[4] ?? 0) * 1000).toBeCloseTo((heads[4]?.bt ?? 0) * 1000, -2);

  const readings = packs().map((pack, i): Reading => {
    const where = { kafkaTopic: "veil-a", partition: 0, offset: BigInt(i) };
    return {
      id: `kid:${i}`,
      topic: TOPIC,
      producer: "probe-1",
      timeMs: 0,
      takenMs: 0,
      pack,
      ...where,
    };
  });
  const mended = (await new Clocks({ stateDir: null }).apply(readings)).map(lineOf);
  expect(mended.some(({ unsynced }) => unsynced)).toBe(false);
  for (const { time } of mended.slice(0, 4))
    expect(Math.abs(Date.now() - time)).toBeLessThan(60_000);
});
