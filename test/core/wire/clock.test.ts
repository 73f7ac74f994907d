import { expect, test } from "vitest";
import {
  clockRecord,
  type Moment,
  momentOf,
  packTakenAt,
  zeroOf,
} from "../../../core/wire/clock.ts";
import { senmlPackSchema } from "../../../core/wire/senml.ts";

const unset: Moment = { wallMs: 12_345, boot: "AAAAAAAAAAA", sinceBootMs: 61_500.4, isSet: false };
const set: Moment = { ...unset, wallMs: 1_800_000_061_500, isSet: true };

test("a pack carries its moment, and is a pack", () => {
  const pack = packTakenAt(
    [
      { n: "t", v: 1 },
      { n: "h", v: 2 },
    ],
    unset,
  );
  expect(pack).toEqual([
    { bt: 12.345, boot: "AAAAAAAAAAA", mono: 61.5, unsynced: true, n: "t", v: 1 },
    { n: "h", v: 2 },
  ]);
  expect(senmlPackSchema.parse(pack)).toEqual(pack);
  expect(momentOf(pack)).toEqual({ boot: "AAAAAAAAAAA", sinceBootMs: 61_500, isSet: false });
  expect(momentOf([{ n: "t", v: 1 }])).toBeNull();
  expect(packTakenAt([{ n: "t", v: 1 }], set)[0]).not.toHaveProperty("unsynced");
});

test("a clock record tells when its boot began", () => {
  const pack = clockRecord(set);
  expect(senmlPackSchema.safeParse(pack).success).toBe(true);
  const zero = zeroOf(pack);
  expect(zero?.boot).toBe("AAAAAAAAAAA");
  expect(zero?.zeroMs).toBeCloseTo(1_800_000_000_000, 0);
});

test("nothing else is one", () => {
  expect(zeroOf(packTakenAt([{ n: "t", v: 1 }], set))).toBeNull();
  expect(zeroOf([{ n: "clock/zero", u: "s", v: 1 }])).toBeNull();
  expect(zeroOf(clockRecord(unset))).toBeNull();
  expect(zeroOf([...clockRecord(set), { n: "t", v: 1 }])).toBeNull();
});
