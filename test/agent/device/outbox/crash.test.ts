/** kill -9 and a full disk, on real processes and real files. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { testFolder } from "../../../support/folder.ts";
import { A, openOutbox, texts, unsent } from "./fixture.ts";

const APPENDER = createRequire(import.meta.url).resolve(
  "#workers/test/agent/device/outbox/appender",
);

/** Lets an appender run for `runMs` and kills it with SIGKILL; its complete lines. */
/** Kills it `runMs` after it has said enough: a first line, unless told otherwise. */
async function runAndKill(
  command: string[],
  runMs: number,
  isEnough = (lines: readonly string[]): boolean => lines.length > 0,
): Promise<string[]> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const ended = once(output, "close");
  while (!isEnough(lines) && child.exitCode === null) await sleep(5);
  await sleep(runMs);
  child.kill("SIGKILL");
  await ended;
  return lines;
}

interface Taken {
  readonly number: number;
  readonly sequence: number;
}

function takenIn(lines: readonly string[]): Taken[] {
  return lines.flatMap((line) => {
    const [what, number, sequence] = line.split(" ");
    return what === "taken" ? [{ number: Number(number), sequence: Number(sequence) }] : [];
  });
}

describe("what was reported as taken", () => {
  test("is there in order after 20 kills at random moments, no sequence used twice", async () => {
    const folder = await testFolder();
    const taken: Taken[] = [];
    for (let life = 0; life < 20; life++) {
      const next = (taken.at(-1)?.number ?? 0) + 1_000_000;
      const command = [process.execPath, APPENDER, folder, `${next}`];
      taken.push(...takenIn(await runAndKill(command, Math.random() * 150)));
    }
    expect(taken.length).toBeGreaterThan(100);
    expect(new Set(taken.map(({ sequence }) => sequence)).size).toBe(taken.length);

    const outbox = await openOutbox(folder);
    const stored = await unsent(outbox, A);
    const sequences = stored.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    const numbers = new Set(stored.map(({ payload }) => Number.parseInt(payload.toString(), 10)));
    expect(taken.filter(({ number }) => !numbers.has(number))).toEqual([]);
    const order = stored.map(({ payload }) => Number.parseInt(payload.toString(), 10));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  test("never includes what a full disk refused, and taking goes on when there is room", async () => {
    const folder = await testFolder();
    // A limit on the size of a file, below that of a segment, makes a write stop half-way (EFBIG). Every
    // new segment has room again.
    const limited = `trap '' XFSZ; ulimit -f 4; exec ${process.execPath} ${APPENDER} ${folder} 1`;
    const failuresIn = (said: readonly string[]) =>
      said.filter((line) => line.startsWith("failed"));
    const isEnough = (said: readonly string[]) => failuresIn(said).length > 2;
    const lines = await runAndKill(["bash", "-c", limited], 300, isEnough);
    expect(lines).toContain("report disk");
    expect(lines).toContain("report disk-ok");
    expect(failuresIn(lines).length).toBeGreaterThan(2);

    const outbox = await openOutbox(folder);
    const stored = texts(await unsent(outbox, A)).map((text) => Number.parseInt(text, 10));
    const taken = takenIn(lines).map(({ number }) => number);
    expect(stored.slice(0, taken.length)).toEqual(taken);
    // At most the one append that was under way when it was killed.
    expect(stored.length - taken.length).toBeLessThanOrEqual(1);
  });
});
