import { describe, expect, test } from "vitest";
import {
  judgeRefusal,
  type Refused,
  type Verdict,
} from "../../../../agent/device/uplink/refusal.ts";
import { REFUSAL_CODES } from "../../../../core/errors.ts";

const ROWS: readonly (Partial<Omit<Refused, "code">> & {
  readonly codes: readonly Refused["code"][];
  readonly verdict: Verdict;
})[] = [
  { codes: ["REVOKED"], verdict: "revoked" },
  { codes: ["NO_GRANT", "BAD_TOKEN", "LIMIT"], verdict: "park" },
  { codes: ["BAD_RECORD", "TOO_LARGE"], inFlight: "own", verdict: "reject" },
  { codes: ["BAD_RECORD", "TOO_LARGE"], inFlight: "inherited", verdict: "reject" },
  { codes: ["BAD_RECORD", "TOO_LARGE"], inFlight: "no", named: "record", verdict: "ignore" },
  { codes: ["BAD_RECORD", "TOO_LARGE"], inFlight: "no", named: "alias", verdict: "park" },
  { codes: ["EPOCH"], inFlight: "inherited", verdict: "give-up" },
  { codes: ["EPOCH"], inFlight: "own", isNewestEpoch: false, verdict: "over" },
  { codes: ["EPOCH"], inFlight: "no", isNewestEpoch: false, verdict: "over" },
  { codes: ["EPOCH"], inFlight: "own", named: "record", isNewestEpoch: true, verdict: "reject" },
  { codes: ["EPOCH"], inFlight: "no", named: "record", isNewestEpoch: true, verdict: "ignore" },
  { codes: ["EPOCH"], inFlight: "own", named: "alias", isNewestEpoch: true, verdict: "park" },
  { codes: ["EPOCH"], inFlight: "no", named: "alias", isNewestEpoch: true, verdict: "park" },
];

const ALL: readonly Refused[] = REFUSAL_CODES.flatMap((code) =>
  (["record", "alias"] as const).flatMap((named) =>
    (["no", "own", "inherited"] as const).flatMap((inFlight) =>
      [true, false].map((isNewestEpoch) => ({ code, named, inFlight, isNewestEpoch })),
    ),
  ),
);

/** The cases that a row is about: what it does not say is of no matter. */
const casesOf = ({ codes, verdict: _, ...said }: (typeof ROWS)[number]): Refused[] =>
  ALL.filter(
    (refused) =>
      codes.includes(refused.code) &&
      Object.entries(said).every(([fact, value]) => refused[fact as keyof Refused] === value),
  );

describe("a refusal", () => {
  test.each(ROWS)("%j", (row) => {
    expect(new Set(casesOf(row).map(judgeRefusal))).toEqual(new Set([row.verdict]));
  });

  test("of every kind is in exactly one row", () => {
    const rows = ROWS.flatMap(casesOf);
    expect(rows).toHaveLength(ALL.length);
    expect(new Set(rows).size).toBe(ALL.length);
  });
});
