import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../support/folder.ts";
import { Ledger } from "./ledger.ts";

/** A line of the consumer's output. */
function line(id: string, sensor: string, count: number): string {
  const pack = [
    { n: "sensor", vs: sensor },
    { n: "count", v: count },
  ];
  const where = { topic: "t", producer: sensor, time: 1, partition: 0, offset: 0 };
  return `${JSON.stringify({ id, pack, ...where })}\n`;
}

async function file(lines: readonly string[]): Promise<string> {
  const path = join(await testFolder(), "output.ndjson");
  await writeFile(path, lines.join(""));
  return path;
}

/** `a1` is reading 1 of sensor a, and record 0 of the kid `a`. */
async function output(...readings: readonly string[]): Promise<string> {
  const sensorOf = (reading: string): string => reading.slice(0, 1);
  return file(readings.map((r) => line(recordOf(r), sensorOf(r), Number(r.slice(1)))));
}

function recordOf(reading: string): string {
  return `${reading.slice(0, 1)}:${Number(reading.slice(1)) - 1}`;
}

const FINE = { lost: 0, doubled: 0, outOfOrder: 0, missed: 0 };

test("all is well where everything reported arrived once and in order, and more may have arrived", async () => {
  const ledger = new Ledger();
  ledger.reported("a", recordOf("a2"));
  const verdict = await ledger.judge(await output("a1", "b1", "a2", "a3"));
  expect(verdict).toEqual({ ...FINE, taken: 4, delivered: 4 });
});

test("what was reported and did not arrive is lost, and all before it in its kid counts as reported", async () => {
  const ledger = new Ledger();
  ledger.reported("a", recordOf("a4"));
  const verdict = await ledger.judge(await output("a1"));
  expect(verdict).toMatchObject({ taken: 4, delivered: 1, lost: 3 });
});

test("what arrives again, or behind a later one, is counted as such", async () => {
  const ledger = new Ledger();
  const twice = await ledger.judge(await output("a1", "a2", "a2"));
  expect(twice).toEqual({ ...FINE, taken: 2, delivered: 2, doubled: 1 });
  const behind = await ledger.judge(await output("a1", "a3", "a2"));
  expect(behind).toEqual({ ...FINE, taken: 3, delivered: 3, outOfOrder: 1 });
});

test("a gap is missed, unless it lies between the reports before and after an outage", async () => {
  // Each of a kid of its own, as after a restart.
  const [first, second, third] = ["k2:0", "k5:0", "k8:0"];
  const path = await file([
    line("k1:0", "a", 1),
    line(first, "a", 2),
    line(second, "a", 5),
    line(third, "a", 8),
  ]);
  const ledger = new Ledger();
  ledger.reported("a", first);
  ledger.outageBegins("a");
  ledger.reported("a", second);
  ledger.outageEnds("a");
  expect(await ledger.judge(path)).toMatchObject({ lost: 0, missed: 0 });
  ledger.reported("a", second);
  ledger.reported("a", third);
  expect(await ledger.judge(path)).toMatchObject({ lost: 0, missed: 2 });
});
