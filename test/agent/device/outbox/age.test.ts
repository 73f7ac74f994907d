/** The bound on age. The clocks are the test's: a month passes at once. */
import { describe, expect, test, vi } from "vitest";
import { AgeClock, type MachineClock } from "../../../../agent/device/outbox/age-clock.ts";
import type { OutboxReport } from "../../../../agent/device/outbox/options.ts";
import { isVeilError } from "../../../../core/errors.ts";
import { testFolder } from "../../../support/folder.ts";
import { A, announcement, openOutbox, record, texts, unsent } from "./fixture.ts";

const DAY_MS = 86_400_000;
const MAX_AGE_MS = 30 * DAY_MS;
const WAIT = { timeout: 30_000, interval: 5 };

class Machine implements MachineClock {
  monotonic = 5000;
  wall = 1_763_800_000_000;
  set = true;
  readonly monotonicMs = (): number => this.monotonic;
  readonly wallMs = (): number => this.wall;
  readonly isSet = (): boolean => this.set;

  pass(days: number): void {
    this.monotonic += days * DAY_MS;
    this.wall += days * DAY_MS;
  }

  /** Without power: another boot's monotonic time, and as much later as the wall clock knows. */
  restart({ days, set }: { days: number; set: boolean }): void {
    this.monotonic = 0;
    this.wall += days * DAY_MS;
    this.set = set;
  }
}

describe("the age clock", () => {
  test("runs while the agent does, whatever the wall clock says", () => {
    const machine = new Machine();
    const clock = new AgeClock(machine, null);
    machine.pass(3);
    machine.wall += 20_000 * DAY_MS;
    expect(clock.nowMs()).toBe(3 * DAY_MS);
  });

  test.each([
    { before: true, after: true, days: 4, counted: 4 },
    { before: false, after: true, days: 4, counted: 0 },
    { before: true, after: false, days: 4, counted: 0 },
    { before: true, after: true, days: -4, counted: 0 },
  ])(
    "counts time without power if the wall clock was set: %o",
    ({ before, after, days, counted }) => {
      const machine = new Machine();
      machine.set = before;
      const clock = new AgeClock(machine, null);
      machine.pass(1);
      const stamp = clock.stamp();
      machine.restart({ days, set: after });
      expect(new AgeClock(machine, stamp).nowMs()).toBe((1 + counted) * DAY_MS);
    },
  );
});

test("time without power counts as soon as the clock is set after it", () => {
  const machine = new Machine();
  const stamp = new AgeClock(machine, null).stamp();
  machine.restart({ days: 0, set: false });
  const clock = new AgeClock(machine, stamp);
  machine.pass(1);
  expect(clock.nowMs()).toBe(DAY_MS);
  machine.wall += 9 * DAY_MS;
  machine.set = true;
  expect(clock.nowMs()).toBe(10 * DAY_MS);
  machine.wall += 9 * DAY_MS;
  expect(clock.nowMs()).toBe(10 * DAY_MS);
});

function bounded(machine: Machine, policy: "oldest" | "newest", reports: OutboxReport[] = []) {
  return {
    machine,
    policy,
    maxAgeMs: MAX_AGE_MS,
    segmentBytes: 4096,
    onReport: (report: OutboxReport) => void reports.push(report),
  };
}

describe("at the bound on age", () => {
  test("`oldest` drops what is older, counts it, and keeps the key of what comes later", async () => {
    const machine = new Machine();
    const reports: OutboxReport[] = [];
    const outbox = await openOutbox(await testFolder(), bounded(machine, "oldest", reports));
    await outbox.append([announcement(A, "key")]);
    for (let day = 0; day < 40; day++) {
      await outbox.append([record(A, `day ${day}`)]);
      machine.pass(1);
    }
    await outbox.append([record(A, "today")]);
    // A segment goes as a whole: up to a sixteenth of the bound late.
    await vi.waitFor(async () => {
      const [key, oldest, ...rest] = texts(await unsent(outbox, A));
      expect(key).toBe("key");
      expect(Number(oldest?.slice("day ".length))).toBeGreaterThanOrEqual(40 - 30 - 2);
      expect(rest).toHaveLength(41 - outbox.droppedRecords - 1);
    }, WAIT);
    const dropped = reports.flatMap((report) => (report.event === "dropped" ? [report] : []));
    expect(dropped.map(({ bound }) => bound)).toEqual(dropped.map(() => "age"));
    expect(dropped.reduce((sum, { records }) => sum + records, 0)).toBe(outbox.droppedRecords);
  });

  test("a clock that jumps drops nothing, on the way or over a restart", async () => {
    const machine = new Machine();
    const folder = await testFolder();
    const first = await openOutbox(folder, bounded(machine, "oldest"));
    await first.append([record(A, "from 1970")]);
    machine.wall += 20_000 * DAY_MS;
    await first.append([record(A, "from now")]);
    await first.stop();
    machine.restart({ days: 20_000, set: false });
    const second = await openOutbox(folder, bounded(machine, "oldest"));
    await second.append([record(A, "and on")]);
    expect(texts(await unsent(second, A))).toEqual(["from 1970", "from now", "and on"]);
    expect(second.droppedRecords).toBe(0);
  });

  test("time without power counts, and what is too old goes even if nothing comes", async () => {
    const machine = new Machine();
    const folder = await testFolder();
    const first = await openOutbox(folder, bounded(machine, "oldest"));
    await first.append([record(A, "old")]);
    await first.stop();
    machine.restart({ days: 20, set: true });
    const second = await openOutbox(folder, bounded(machine, "oldest"));
    expect(texts(await unsent(second, A))).toEqual(["old"]);
    machine.pass(1);
    await second.stop();
    machine.restart({ days: 11, set: true });
    const third = await openOutbox(folder, bounded(machine, "oldest"));
    await vi.waitFor(() => expect(third.droppedRecords).toBe(1), WAIT);
    expect(await unsent(third, A)).toEqual([]);
  });

  test("`newest` refuses what comes, until what is old is acknowledged", async () => {
    const machine = new Machine();
    const outbox = await openOutbox(await testFolder(), bounded(machine, "newest"));
    await outbox.append([record(A, "old")]);
    machine.pass(31);
    const refused = await outbox.append([record(A, "new")]).catch((error: unknown) => error);
    expect(isVeilError(refused, "LIMIT")).toBe(true);
    const [old] = await unsent(outbox, A);
    if (old) outbox.acknowledge(old);
    await outbox.append([record(A, "new")]);
    expect(texts(await unsent(outbox, A))).toEqual(["new"]);
    expect(outbox.droppedRecords).toBe(0);
  });
});
