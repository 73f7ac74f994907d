import { pino } from "pino";
import { expect, test } from "vitest";
import type { StoredEntry } from "../../../../agent/device/outbox/entry.ts";
import { Replay } from "../../../../agent/device/uplink/replay.ts";

function entry(sequence: number): StoredEntry {
  const stream = "aa".repeat(16);
  return { stream, kind: "record", payload: Buffer.from("x"), sequence, ordinal: sequence };
}

/** Sends `total` entries as soon as each may go; how long it took and what was told. */
function replay(total: number, perSecond: number): { tookMs: number; log: string[] } {
  const log: string[] = [];
  let nowMs = 7;
  const backlog = new Replay({
    ...{ until: total, total, perSecond, nowMs: () => nowMs },
    log: pino({ base: null, timestamp: false }, { write: (line) => void log.push(line.trim()) }),
  });
  for (let sequence = 1; sequence <= total; sequence++) {
    nowMs += backlog.waitMs(entry(sequence));
    expect(backlog.waitMs(entry(sequence))).toBe(0);
    backlog.sent(entry(sequence));
    backlog.acknowledged(entry(sequence));
  }
  return { tookMs: nowMs - 7, log };
}

test("a month goes out at the rate that was set, and says how far it is", () => {
  const { tookMs, log } = replay(30_000, 1000);
  expect(tookMs).toBeGreaterThan(29_900);
  expect(tookMs).toBeLessThan(30_100);
  const lines = log.map((line) => JSON.parse(line));
  expect(lines.map(({ msg }) => msg)).toEqual(["replaying", "replaying", "replayed"]);
  expect(lines[0]).toMatchObject({ of: 30_000, leftS: 20 });
  expect(lines[2]).toMatchObject({ entries: 30_000 });
});

test("some minutes offline are not worth a word", () => {
  expect(replay(200, 1000).log).toEqual([]);
});

test("what is read while it lasts is not held back", () => {
  const backlog = new Replay({
    ...{ until: 10, total: 10, perSecond: 1, nowMs: () => 0 },
    log: pino({ level: "silent" }),
  });
  backlog.sent(entry(1));
  expect(backlog.waitMs(entry(2))).toBeGreaterThan(900);
  expect(backlog.waitMs(entry(11))).toBe(0);
});
