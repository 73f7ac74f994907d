import { open } from "node:fs/promises";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { testFolder } from "../../../support/folder.ts";
import { A, openOutbox, record } from "./fixture.ts";

/**
 * A kill -9 takes nothing from the page cache, and a power cut cannot be had here: so it is watched, in their order,
 * which system calls were really made.
 */
const calls: string[] = [];

beforeEach(async () => {
  calls.length = 0;
  const file = await open("/dev/null");
  const prototype: typeof file = Object.getPrototypeOf(file);
  await file.close();
  for (const name of ["write", "datasync", "sync"] as const) {
    const original = prototype[name];
    const spy = vi.spyOn(prototype, name).mockImplementation(async function (
      this: typeof file,
      ...args: never[]
    ) {
      const result = await Reflect.apply(original, this, args);
      calls.push(name);
      return result;
    });
    onTestFinished(() => spy.mockRestore());
  }
});

describe("when append resolves", () => {
  test("the bytes were written and synced, in a new segment after its name in the folder", async () => {
    const outbox = await openOutbox(await testFolder());
    calls.length = 0;
    await outbox.append([record(A, "one")]);
    // The header, its name, then the entry.
    expect(calls.slice(0, 5)).toEqual(["write", "datasync", "sync", "write", "datasync"]);
    calls.length = 0;
    await outbox.append([record(A, "two")]);
    expect(calls.slice(0, 2)).toEqual(["write", "datasync"]);
  });

  test("after a roll the footer of the old segment and the name of the new one are durable, too", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder, { segmentBytes: 400, maxBytes: 4000 });
    const begun = ["write", "datasync", "sync", "write", "datasync"];
    for (let i = 0; i < 4; i++) {
      calls.length = 0;
      await outbox.append([record(A, "x".repeat(300))]);
      const expected = i === 0 ? begun : ["write", "datasync", ...begun];
      expect(calls.slice(0, expected.length)).toEqual(expected);
    }
  });
});
