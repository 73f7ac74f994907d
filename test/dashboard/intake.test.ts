import { describe, expect, test } from "vitest";
import type { Position } from "../../agent/consumer/positions.ts";
import type { Reading } from "../../agent/consumer/reading.ts";
import type { Sample } from "../../agent/dashboard/board.ts";
import { Intake } from "../../agent/dashboard/intake.ts";
import { clockRecord, packTakenAt } from "../../core/wire/clock.ts";

const NOW_MS = 1_700_000_000_000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Kafka had `past` records of the topic when reading began. */
function intakeOf(past: bigint) {
  const samples: Sample[] = [];
  const position = { topic: "a/b", kafkaTopic: "veil-x", partition: 0, offset: 0n, end: past };
  const positions: Position[] = [position];
  const board = { add: (sample: Sample) => void samples.push(sample), hidden: () => 0 };
  const intake = new Intake({ topics: ["a/b"], board, positions: () => positions });
  intake.note();
  return { intake, samples };
}

function reading(offset: number, change: Partial<Reading> = {}): Reading {
  const pack = [{ n: "t", u: "Cel", v: 20 + offset, bt: NOW_MS / 1000 }];
  return {
    ...{ id: `k:${offset}`, topic: "a/b", producer: "pi", timeMs: NOW_MS, takenMs: NOW_MS, pack },
    ...{ kafkaTopic: "veil-x", partition: 0, offset: BigInt(offset) },
    ...change,
  };
}

describe("what comes", () => {
  test.each([
    ["a minute ahead", MINUTE_MS],
    ["a minute behind", -MINUTE_MS],
  ])("is as old as our own clock says, and counted by it: Kafka's is %s", (_, aheadMs) => {
    const { intake, samples } = intakeOf(0n);
    for (let n = 0; n < 100; n += 1)
      intake.take([reading(n, { takenMs: NOW_MS + n * 100 + aheadMs })], NOW_MS + n * 100);
    expect(samples.map(({ arrivedMs }) => arrivedMs - NOW_MS)).toEqual(
      Array.from({ length: 100 }, (_, n) => n * 100),
    );
    expect(intake.views(NOW_MS + 10_000)).toMatchObject([{ readings: 100, rate: 10 }]);
  });

  test("of Kafka's past is as old as Kafka says, never of the future, and no rate", () => {
    const { intake, samples } = intakeOf(2n);
    const past = [
      reading(0, { takenMs: NOW_MS - 5 * MINUTE_MS }),
      reading(1, { takenMs: NOW_MS + 5 * MINUTE_MS }),
    ];
    intake.take([...past, reading(2, { takenMs: NOW_MS - DAY_MS })], NOW_MS);
    const ages = samples.map(({ arrivedMs }) => NOW_MS - arrivedMs);
    expect(ages).toEqual([5 * MINUTE_MS, 0, 0]);
    expect(intake.views(NOW_MS + 1000)).toMatchObject([{ readings: 3, rate: 0.1 }]);
  });

  test("tells whether the device's clock was set; a clock record is no reading of a sensor", () => {
    const { intake, samples } = intakeOf(0n);
    const moment = { wallMs: NOW_MS, boot: "AAAAAAAAAAA", sinceBootMs: 5000, isSet: false };
    intake.take([reading(0, { pack: packTakenAt([{ n: "t", v: 1 }], moment) })], NOW_MS);
    intake.take([reading(1, { pack: clockRecord({ ...moment, isSet: true }) })], NOW_MS);
    intake.take([reading(2)], NOW_MS);
    expect(samples.map(({ name, isSynced }) => [name, isSynced])).toEqual([
      ["t", false],
      ["t", true],
    ]);
    expect(intake.newest("a/b")?.offset).toBe(2n);
  });
});
