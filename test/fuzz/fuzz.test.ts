import { expect, test } from "vitest";
import { fuzz } from "./driver.ts";
import { inputsOf } from "./target.ts";
import { TARGETS } from "./targets.ts";

const INPUTS = 100_000;
/** The same in every run of `npm test`; `npm run fuzz` looks elsewhere each time. */
const SEED = "test";

/** For a machine that is busy with other things: what hangs is found by the driver itself. */
const TIMEOUT_MS = 60_000;

const planned = [...inputsOf(TARGETS, INPUTS)].map(([target, inputs]) => ({
  name: target.name,
  target,
  inputs,
}));

test("a hundred thousand inputs are planned, every name once", () => {
  expect(planned.reduce((sum, { inputs }) => sum + inputs, 0)).toBeGreaterThanOrEqual(INPUTS);
  expect(new Set(planned.map(({ name }) => name)).size).toBe(planned.length);
});

test.each(planned)(
  "$name takes or refuses whatever comes",
  { timeout: TIMEOUT_MS },
  async ({ target, inputs }) => {
    const { failure, inputs: done } = await fuzz(target, { seed: SEED, inputs });
    const { kind, detail, input } = failure ?? {};
    expect({ kind, detail, hex: input?.toString("hex") }).toEqual({});
    expect(done).toBe(inputs);
  },
);

test.each(planned)("$name takes its own samples", async ({ target }) => {
  const samples = typeof target.samples === "function" ? await target.samples() : target.samples;
  await expect((async () => target.run(Buffer.from(samples[0])))()).resolves.not.toThrow();
  await target.stop?.();
});
