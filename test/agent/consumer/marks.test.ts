import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Marks, type Position } from "../../../agent/consumer/marks.ts";

const DAY_MS = 24 * 3600 * 1000;

function at(kid: string, seq: number, producer = "p"): Position {
  return { producer, kid, seq: BigInt(seq) };
}

/** Reads a stream through marks: what is new, in the order of arrival. */
function read(marks: Marks, stream: readonly Position[]): Position[] {
  return stream.filter((position, n) => {
    if (marks.isRepeat(position)) return false;
    marks.advance(position, n);
    return true;
  });
}

describe("marks", () => {
  test("let a record through once", () => {
    const marks = new Marks();
    const stream = [at("a", 0), at("a", 1), at("a", 0), at("a", 1), at("a", 2)];
    expect(read(marks, stream)).toEqual([at("a", 0), at("a", 1), at("a", 2)]);
  });

  test("treat any record of a closed kid as a repeat, for one retention", () => {
    const marks = new Marks();
    marks.advance(at("a", 5), 0);
    marks.advance(at("b", 0), 1);
    expect(marks.isRepeat(at("a", 6))).toBe(true);
    marks.advance(at("c", 0), 31 * DAY_MS);
    expect(marks.isRepeat(at("a", 6))).toBe(false);
    expect(marks.isRepeat(at("b", 6))).toBe(true);
  });

  test("keep producers apart", () => {
    const marks = new Marks();
    marks.advance(at("a", 5, "p"), 0);
    expect(marks.isRepeat(at("a", 5, "q"))).toBe(false);
  });

  // The model: a device sends its records in order, and after each failure again from an earlier one (PROTOCOL.md §3).
  test("give each record once and in order, however often its sender resumes and whenever the reader restarts", () => {
    const resumes = fc.array(
      fc.record({ send: fc.nat(8), back: fc.nat(5), restart: fc.boolean() }),
    );
    fc.assert(
      fc.property(resumes, fc.integer({ min: 1, max: 6 }), (steps, recordsPerKid) => {
        const record = (n: number) => at(`kid-${Math.floor(n / recordsPerKid)}`, n % recordsPerKid);
        let marks = new Marks();
        const given: Position[] = [];
        let next = 0;
        let sent = 0;
        for (const { send, back, restart } of steps) {
          const stream = Array.from({ length: send }, (_, n) => record(next + n));
          given.push(...read(marks, stream));
          sent = Math.max(sent, next + send);
          next = Math.max(0, next + send - back);
          if (restart) marks = Marks.restore(JSON.parse(JSON.stringify(marks.save())));
        }
        expect(given).toEqual(Array.from({ length: sent }, (_, n) => record(n)));
      }),
    );
  });
});

test("a trial moves nothing before it is kept", () => {
  const marks = new Marks();
  const at = (kid: string, seq: bigint, producer = "p") => ({ producer, kid, seq });
  marks.advance(at("a", 4n), 0);
  const saved = marks.save();
  const trial = marks.trial();
  expect(trial.isRepeat(at("a", 4n))).toBe(true);
  expect(trial.advance(at("a", 6n), 0)).toBe(1n);
  trial.advance(at("b", 0n), 7);
  trial.advance(at("c", 0n, "q"), 0);
  expect(trial.isRepeat(at("a", 9n))).toBe(true);
  expect(marks.save()).toEqual(saved);
  trial.keep();
  expect(marks.save()).toEqual({
    p: { kid: "b", seq: "0", closed: { a: 7 } },
    q: { kid: "c", seq: "0", closed: {} },
  });
});
