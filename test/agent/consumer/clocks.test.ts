import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Clocks } from "../../../agent/consumer/clocks.ts";
import { lineOf, type Reading } from "../../../agent/consumer/reading.ts";
import { clockRecord, type Moment, packTakenAt } from "../../../core/wire/clock.ts";
import type { SenmlPack } from "../../../core/wire/senml.ts";
import { testFolder } from "../../support/folder.ts";

const BOOT_MS = 1_800_000_000_000;

function momentAt(sinceBootMs: number, isSet: boolean, boot = "AAAAAAAAAAA"): Moment {
  return { boot, sinceBootMs, isSet, wallMs: isSet ? BOOT_MS + sinceBootMs : 1000 + sinceBootMs };
}

let offset = 0n;
function reading(pack: SenmlPack, producer = "probe-1"): Reading {
  const where = { kafkaTopic: "veil-a", partition: 0, offset: offset++ };
  return { id: `kid:${offset}`, topic: "t", producer, timeMs: 5000, takenMs: 0, pack, ...where };
}

const unset = (sinceBootMs: number, boot?: string) =>
  packTakenAt([{ n: "t", v: 1 }], momentAt(sinceBootMs, false, boot));

test("readings without a set clock stay so until their boot's clock record comes", async () => {
  const clocks = new Clocks({ stateDir: null });
  const [before] = await clocks.apply([reading(unset(1000))]);
  expect(before && lineOf(before)).toMatchObject({ time: 5000, unsynced: true });

  const record = reading(clockRecord(momentAt(90_000, true)));
  const [first, printed] = await clocks.apply([reading(unset(2000)), record]);
  expect(printed).toEqual(record);
  expect(first).toMatchObject({ timeMs: BOOT_MS + 2000, pack: [{ bt: (BOOT_MS + 2000) / 1000 }] });
  expect(first && lineOf(first)).not.toHaveProperty("unsynced");

  const others = [reading(unset(3000, "BBBBBBBBBBB")), reading(unset(3000), "probe-2")];
  expect(await clocks.apply(others)).toEqual(others);
  const set = reading(packTakenAt([{ n: "t", v: 1 }], momentAt(95_000, true)));
  expect(await clocks.apply([set])).toEqual([set]);
});

test("what was learned is there in the next run", async () => {
  const stateDir = await testFolder();
  const first = new Clocks({ stateDir });
  await first.start();
  await first.apply([reading(clockRecord(momentAt(90_000, true)))]);
  const second = new Clocks({ stateDir });
  await second.start();
  const [mended] = await second.apply([reading(unset(4000))]);
  expect(mended?.timeMs).toBe(BOOT_MS + 4000);
});

test("the boots told of longest ago are forgotten; a file of others is refused", async () => {
  const stateDir = await testFolder();
  const clocks = new Clocks({ stateDir, maxBoots: 2 });
  await clocks.start();
  for (const boot of ["A", "B", "C"])
    await clocks.apply([reading(clockRecord(momentAt(90_000, true, boot)))]);
  const [a, b] = await clocks.apply([reading(unset(1, "A")), reading(unset(1, "B"))]);
  expect([a?.timeMs, b?.timeMs]).toEqual([5000, BOOT_MS + 1]);
  await writeFile(join(stateDir, "clocks.json"), "{}");
  await expect(new Clocks({ stateDir }).start()).rejects.toMatchObject({ code: "CONFIG" });
});
