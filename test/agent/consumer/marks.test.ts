import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Marks, marksSchema, type Position } from "../../../agent/consumer/marks.ts";

function at(kid: string, seq: number, producer = "p"): Position {
  return { producer, kid, seq: BigInt(seq) };
}

/** As a checkpoint brings them back. */
function restored(marks: Marks): Marks {
  return Marks.restore(marksSchema.parse(JSON.parse(JSON.stringify(marks.save()))));
}

/** Reads a stream through marks: what is new, in the order of arrival. */
function read(marks: Marks, stream: readonly Position[]): Position[] {
  return stream.filter((position) => {
    if (marks.isRepeat(position)) return false;
    marks.advance(position);
    return true;
  });
}

describe("marks", () => {
  test("let a record through once", () => {
    const marks = new Marks();
    const stream = [at("a", 0), at("a", 1), at("a", 0), at("a", 1), at("a", 2)];
    expect(read(marks, stream)).toEqual([at("a", 0), at("a", 1), at("a", 2)]);
  });

  test("treat any record of one of the 1,000 newest closed kids as a repeat, over restarts", () => {
    const marks = new Marks();
    for (let n = 0; n <= 1001; n++) marks.advance(at(`kid-${n}`, 0));
    for (const each of [marks, restored(marks)]) {
      expect(each.isRepeat(at("kid-1", 6))).toBe(true);
      expect(each.isRepeat(at("kid-1000", 6))).toBe(true);
      expect(each.isRepeat(at("kid-0", 6))).toBe(false);
      expect(Object.values(each.save())[0]?.closed).toHaveLength(1000);
    }
  });

  test("are read from checkpoints that had closed kids with their times", () => {
    const saved = { p: { kid: "b", seq: "3", closed: { a: 1_700_000_000_000 } } };
    const marks = Marks.restore(marksSchema.parse(saved));
    expect(marks.isRepeat(at("a", 9))).toBe(true);
    expect(marks.save()).toEqual({ p: { kid: "b", seq: "3", closed: ["a"] } });
  });

  test("keep producers apart", () => {
    const marks = new Marks();
    marks.advance(at("a", 5, "p"));
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
          if (restart) marks = restored(marks);
        }
        expect(given).toEqual(Array.from({ length: sent }, (_, n) => record(n)));
      }),
    );
  });
});

test("a trial moves nothing before it is kept", () => {
  const marks = new Marks();
  const at = (kid: string, seq: bigint, producer = "p") => ({ producer, kid, seq });
  marks.advance(at("a", 4n));
  const saved = marks.save();
  const trial = marks.trial();
  expect(trial.isRepeat(at("a", 4n))).toBe(true);
  expect(trial.advance(at("a", 6n))).toBe(1n);
  trial.advance(at("b", 0n));
  trial.advance(at("c", 0n, "q"));
  expect(trial.isRepeat(at("a", 9n))).toBe(true);
  expect(marks.save()).toEqual(saved);
  trial.keep();
  expect(marks.save()).toEqual({
    p: { kid: "b", seq: "0", closed: ["a"] },
    q: { kid: "c", seq: "0", closed: [] },
  });
});
