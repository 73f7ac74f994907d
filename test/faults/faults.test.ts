/** Every kind of fault once, short, on real processes: nothing taken is lost, doubled, missed or out of order. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NEVER } from "../../core/runtime/backoff.ts";
import { DEVICE_FAULT_KINDS } from "./device-faults.ts";
import { FAULT_KINDS } from "./faults.ts";
import { perform } from "./perform.ts";
import { Random } from "./random.ts";
import { FaultRig } from "./rig.ts";

const SEED = 1;
const READINGS_PER_S = 200;
const BRIDGES = 3;
const DEVICES = 6;
/** What is dead and says nothing is noticed in 7.5 s, not in 45. */
const KEEPALIVE_S = 5;

/** Of what is in both lists. */
const NAMES = new Set(FAULT_KINDS.map(({ name }) => name));

let dir: string;
let rig: FaultRig;
const random = new Random(SEED);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "veilmq-faults-"));
  rig = new FaultRig({
    dir,
    rate: READINGS_PER_S,
    bridges: BRIDGES,
    devices: DEVICES,
    keepaliveS: KEEPALIVE_S,
    signal: NEVER,
    say: () => undefined,
  });
  await rig.start();
}, 180_000);

afterAll(async () => {
  await rig.stop();
  await rm(dir, { recursive: true, force: true });
});

const KINDS = [...FAULT_KINDS, ...DEVICE_FAULT_KINDS.filter(({ name }) => !NAMES.has(name))];

test.each(KINDS.map((kind) => [kind.name, kind] as const))(
  "readings come through again: %s",
  async (_name, kind) => {
    const { recoveryMs } = await perform(rig, kind, { random, brief: true });
    console.error(`faults: ${kind.name}: ${(recoveryMs / 1000).toFixed(1)} s`);
  },
  240_000,
);

test("and after all of them nothing that was taken is missing, there twice, or behind", async () => {
  await rig.drain();
  const { taken, delivered, ...wrong } = await rig.ledger.judge(rig.output);
  expect(taken).toBeGreaterThan(READINGS_PER_S);
  expect(delivered).toBe(taken);
  expect(wrong).toEqual({ lost: 0, doubled: 0, outOfOrder: 0, missed: 0 });
  expect(await readFile(rig.rejects, "utf8")).toBe("");
}, 240_000);
