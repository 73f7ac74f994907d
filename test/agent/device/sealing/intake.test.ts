import { pino } from "pino";
import { describe, expect, test } from "vitest";
import type { NewEntry } from "../../../../agent/device/outbox/entry.ts";
import { Intake, type IntakeOptions } from "../../../../agent/device/sealing/intake.ts";
import type { Reading } from "../../../../agent/device/sealing/sealer.ts";
import { type ErrorCode, VeilError } from "../../../../core/errors.ts";
import { testFolder } from "../../../support/folder.ts";
import { openOutbox, unsent } from "../outbox/fixture.ts";

const STREAM = "ab".repeat(16);
const LOG = pino({ level: "silent" });

/** A sealer that shows what was sealed, in the order in which it was; `keys` counts the kids. */
function openSealer(options: { perKid?: number } = {}) {
  const { perKid = Number.POSITIVE_INFINITY } = options;
  let keys = 0;
  let sealed = perKid;
  return {
    stream: STREAM,
    rekey: () => undefined,
    get keys() {
      return keys;
    },
    get needsKey() {
      return keys === 0 || sealed >= perKid;
    },
    async renew(): Promise<NewEntry> {
      keys++;
      sealed = 0;
      return { stream: STREAM, kind: "announcement", payload: Buffer.from(`K${keys}`) };
    },
    seal({ plaintext }: Reading): NewEntry {
      if (plaintext.length > 1000) throw new VeilError("TOO_LARGE", "too large");
      sealed++;
      return { stream: STREAM, kind: "record", payload: plaintext };
    },
  };
}

/** An outbox whose disk fails for as long as `failing` says so. */
function fragileOutbox() {
  const stored: string[] = [];
  const outbox = {
    stored,
    failing: undefined as ErrorCode | undefined,
    attempts: 0,
    async append(entries: readonly NewEntry[]): Promise<readonly number[]> {
      outbox.attempts++;
      await new Promise((resolve) => setImmediate(resolve));
      if (outbox.failing) throw new VeilError(outbox.failing, "the disk of the test");
      stored.push(...entries.map(({ payload }) => payload.toString()));
      return entries.map((_, i) => i);
    },
  };
  return outbox;
}

function makeIntake(options: Partial<IntakeOptions> & Pick<IntakeOptions, "outbox">) {
  let taken = 0;
  const intake = new Intake({
    sealer: openSealer(),
    policy: "oldest",
    log: LOG,
    retryMs: 10,
    onTaken: (records) => {
      taken += records;
    },
    ...options,
  });
  return { intake, taken: () => taken };
}

function reading(text: string): Reading {
  return { plaintext: Buffer.from(text), takenAtMs: 0 };
}

describe("an intake", () => {
  test("takes readings in order, each announcement before the records of its kid", async () => {
    const outbox = await openOutbox(await testFolder());
    const sealer = openSealer({ perKid: 3 });
    const { intake, taken } = makeIntake({ outbox, sealer });
    for (let i = 0; i < 7; i++) await intake.offer(reading(`r${i}`));
    await intake.stop();
    expect(taken()).toBe(7);
    const entries = await unsent(outbox, STREAM);
    expect(entries.map(({ payload }) => payload.toString())).toEqual(
      "K1 r0 r1 r2 K2 r3 r4 r5 K3 r6".split(" "),
    );
  });

  test("counts nothing as taken before the disk has it", async () => {
    const outbox = fragileOutbox();
    outbox.failing = "DISK";
    const { intake, taken } = makeIntake({ outbox });
    await intake.offer(reading("a"));
    await expect.poll(() => outbox.attempts).toBeGreaterThan(2);
    expect(taken()).toBe(0);
    expect(intake.trouble?.code).toBe("DISK");
    outbox.failing = undefined;
    await expect.poll(() => taken()).toBe(1);
    expect(outbox.stored).toEqual(["K1", "a"]);
    expect(intake.trouble).toBeUndefined();
  });

  test("makes who offers wait while the disk is slow, and drops nothing", async () => {
    const outbox = fragileOutbox();
    const { intake, taken } = makeIntake({ outbox, maxQueued: 4 });
    for (let i = 0; i < 500; i++) await intake.offer(reading(`r${i}`));
    await intake.stop();
    expect(taken()).toBe(500);
    expect(intake.dropped).toBe(0);
    expect(outbox.stored.slice(1)).toEqual(Array.from({ length: 500 }, (_, i) => `r${i}`));
  });

  test("drops and counts what does not fit while the disk refuses: a line cannot wait", async () => {
    const outbox = fragileOutbox();
    outbox.failing = "DISK";
    const { intake, taken } = makeIntake({ outbox, maxQueued: 4 });
    for (let i = 0; i < 50; i++) {
      await intake.offer(reading(`r${i}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(intake.dropped).toBeGreaterThan(30);
    outbox.failing = undefined;
    await expect.poll(() => taken() + intake.dropped).toBe(50);
    expect(outbox.stored[0]).toBe("K1");
  });

  test("at the bound with policy `newest` what comes is dropped, but never an announcement", async () => {
    const outbox = fragileOutbox();
    outbox.failing = "LIMIT";
    const sealer = openSealer();
    const { intake, taken } = makeIntake({ outbox, sealer, policy: "newest" });
    for (const text of ["a", "b", "c"]) {
      await intake.offer(reading(text));
      await expect.poll(() => outbox.attempts).toBeGreaterThan(0);
    }
    await expect.poll(() => intake.dropped).toBe(3);
    outbox.failing = undefined;
    await intake.offer(reading("d"));
    await expect.poll(() => taken()).toBe(1);
    expect(outbox.stored).toEqual(["K1", "d"]);
    expect(sealer.keys).toBe(1);
  });

  test("what may not be dropped waits for room, also where nothing is taken at all", async () => {
    const outbox = fragileOutbox();
    outbox.failing = "LIMIT";
    const { intake } = makeIntake({ outbox, policy: "newest" });
    await intake.offer(reading("a"));
    await intake.offer({ ...reading("clock"), isKept: true });
    await expect.poll(() => outbox.attempts).toBe(2);
    expect(intake.dropped).toBe(1);
    intake.suspend(true);
    await intake.offer({ ...reading("clock 2"), isKept: true });
    intake.suspend(false);
    outbox.failing = undefined;
    await intake.offer(reading("b"));
    await expect.poll(() => outbox.stored).toEqual(["K1", "clock", "clock 2", "b"]);
    expect(intake.dropped).toBe(1);
  });

  test("a reading whose sealing fails is dropped alone", async () => {
    const outbox = fragileOutbox();
    const open = openSealer();
    const seal = (taken: Reading): NewEntry => {
      if (taken.plaintext.toString() === "bad") throw new RangeError("a bug");
      return open.seal(taken);
    };
    const sealer = { ...open, seal };
    Object.defineProperty(sealer, "needsKey", { get: () => open.needsKey });
    const { intake } = makeIntake({ outbox, sealer });
    for (const text of ["a", "bad", "b"]) await intake.offer(reading(text));
    await intake.stop();
    expect(outbox.stored).toEqual(["K1", "a", "b"]);
    expect(intake.dropped).toBe(1);
  });

  test("a reading that no record can hold is dropped alone", async () => {
    const outbox = fragileOutbox();
    const { intake } = makeIntake({ outbox });
    for (const text of ["a", "x".repeat(2000), "b"]) await intake.offer(reading(text));
    await intake.stop();
    expect(outbox.stored).toEqual(["K1", "a", "b"]);
    expect(intake.dropped).toBe(1);
  });

  test("suspended it takes nothing, and afterwards again", async () => {
    const outbox = fragileOutbox();
    const { intake, taken } = makeIntake({ outbox });
    intake.suspend(true);
    await intake.offer(reading("a"));
    expect(intake.dropped).toBe(1);
    intake.suspend(false);
    await intake.offer(reading("b"));
    await expect.poll(() => taken()).toBe(1);
    expect(outbox.stored).toEqual(["K1", "b"]);
  });

  test("a stop ends even where the disk refuses and no key can be made", async () => {
    const outbox = fragileOutbox();
    outbox.failing = "DISK";
    const { intake } = makeIntake({ outbox, retryMs: 60_000 });
    for (const text of ["a", "b"]) await intake.offer(reading(text));
    await expect.poll(() => outbox.attempts).toBe(1);
    await intake.stop();
    expect(intake.dropped).toBe(2);
    const sealer = {
      ...openSealer(),
      needsKey: true,
      renew: async (): Promise<NewEntry> => {
        throw new VeilError("INTERNAL", "no key today");
      },
    };
    const keyless = makeIntake({ outbox, sealer, retryMs: 60_000 }).intake;
    await keyless.offer(reading("c"));
    await keyless.stop();
    expect(keyless.dropped).toBe(1);
  });

  test("a key that cannot be made at first is made in the end", async () => {
    const outbox = fragileOutbox();
    const working = openSealer();
    let failures = 3;
    const sealer = {
      stream: STREAM,
      rekey: working.rekey,
      get needsKey() {
        return working.needsKey;
      },
      seal: working.seal,
      renew: async (): Promise<NewEntry> => {
        if (failures-- > 0) throw new VeilError("INTERNAL", "not yet");
        return working.renew();
      },
    };
    const { intake, taken } = makeIntake({ outbox, sealer });
    await intake.offer(reading("a"));
    await expect.poll(() => taken()).toBe(1);
    expect(outbox.stored).toEqual(["K1", "a"]);
    await intake.stop();
  });
});
