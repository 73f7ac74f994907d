import { describe, expect, test } from "vitest";
import { VeilError } from "../../core/errors.ts";
import { fuzz, replay } from "./driver.ts";
import { mutate, type Samples } from "./mutate.ts";
import { Random } from "./random.ts";
import type { Target } from "./target.ts";

const SAMPLES: Samples = [Buffer.from("a sample of forty bytes, more or less...")];
const INPUTS = 3000;

function fuzzing(run: Target["run"], options: { endlessMs?: number; inputs?: number } = {}) {
  return fuzz(
    { name: "planted", samples: SAMPLES, run },
    { seed: "1", inputs: INPUTS, ...options },
  );
}

/** Both for a machine that is busy with other things. */
const TIMEOUT_MS = 60_000;
const ENDLESS_MS = 2000;

describe("the driver", { timeout: TIMEOUT_MS }, () => {
  test("lets a target be that returns or refuses", async () => {
    const outcome = await fuzzing((input) => {
      if (input.length < 20) throw new VeilError("BAD_RECORD", "too short");
    });
    expect(outcome).toMatchObject({ inputs: INPUTS, failure: undefined });
    expect(outcome.taken).toBeGreaterThan(INPUTS / 4);
    expect(outcome.taken).toBeLessThan(INPUTS);
  });

  const fragile = (input: Buffer): void => {
    if (input[3] === 0xff) throw new RangeError("planted");
  };

  test.each<[string, Target["run"]]>([
    ["at once", fragile],
    ["later", async (input) => fragile(input)],
  ])("catches a crash that comes %s, and its input crashes again", async (_when, run) => {
    const { failure, inputs } = await fuzzing(run);
    expect(failure).toMatchObject({ kind: "crash", detail: expect.stringContaining("planted") });
    expect(inputs).toBeLessThan(INPUTS);
    const input = failure?.input ?? Buffer.alloc(0);
    expect(() => fragile(input)).toThrow("planted");
    const again = await replay({ name: "planted", samples: SAMPLES, run }, input);
    expect(again.failure?.kind).toBe("crash");
  });

  test.each<[string, (ms: number) => unknown]>([
    ["at once", block],
    ["later", (ms) => Promise.resolve(ms).then(block)],
  ])("catches 200 ms of work that come %s", async (_when, work) => {
    const { failure } = await fuzzing((input) => (input[3] === 0xff ? work(200) : undefined));
    expect(failure?.kind).toBe("hang");
    expect(failure?.input?.[3]).toBe(0xff);
  });

  test("does not blame a target for one slow moment", async () => {
    let calls = 0;
    const { failure, slowestMs } = await fuzzing(() => {
      calls += 1;
      if (calls === 100) block(100);
    });
    expect(failure).toBeUndefined();
    expect(slowestMs).toBeLessThan(100);
  });

  test.each<[string, () => unknown]>([
    [
      "loops",
      () => {
        for (;;);
      },
    ],
    ["waits", () => new Promise(() => undefined)],
  ])("stops an input that %s for ever", async (_how, endless) => {
    const run = (input: Buffer): unknown => (input[3] === 0xff ? endless() : undefined);
    const { failure } = await fuzzing(run, { endlessMs: ENDLESS_MS });
    expect(failure).toMatchObject({ kind: "hang", detail: `does not end within ${ENDLESS_MS} ms` });
    expect(failure?.input?.[3]).toBe(0xff);
  });

  test("catches what keeps its inputs", async () => {
    const kept: Buffer[] = [];
    const { failure } = await fuzzing(() => kept.push(Buffer.alloc(2000)));
    expect(kept.length).toBeGreaterThanOrEqual(INPUTS);
    expect(failure?.kind).toBe("leak");
  });
});

describe("inputs", () => {
  const inputsOf = (seed: string): string[] => {
    const random = new Random(seed);
    const samples: Samples = [...SAMPLES, Buffer.from('{"a":[1,{"b":"c"}]}')];
    return Array.from({ length: 500 }, () => mutate(random, samples).toString("hex"));
  };

  test("are the same for the same seed, and others for another", () => {
    expect(inputsOf("1")).toEqual(inputsOf("1"));
    expect(inputsOf("2")).not.toEqual(inputsOf("1"));
  });

  test("hardly repeat, and stay small", () => {
    const inputs = inputsOf("1");
    expect(new Set(inputs).size).toBeGreaterThan(400);
    expect(inputs.every((hex) => hex.length <= 2 * 128 * 1024)).toBe(true);
  });

  test("leave samples as they are", () => {
    const before = SAMPLES[0].toString();
    inputsOf("3");
    expect(SAMPLES[0].toString()).toBe(before);
  });
});

/** Keeps the processor, which on a busy machine takes longer than `ms`. */
function block(ms: number): void {
  const start = process.cpuUsage();
  for (;;) {
    const { user, system } = process.cpuUsage(start);
    if (user + system >= ms * 1000) return;
  }
}
