import { mkdirSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { OutboxReport } from "../../../../agent/device/outbox/options.ts";
import { isVeilError } from "../../../../core/errors.ts";
import { testFolder } from "../../../support/folder.ts";
import { A, announcement, B, openOutbox, record, texts, unsent } from "./fixture.ts";

const SMALL = { segmentBytes: 512, maxBytes: 2 ** 20 };

async function segmentFiles(folder: string): Promise<string[]> {
  return (await readdir(join(folder, "outbox"))).sort();
}

describe("append and next", () => {
  test("entries come back by stream in the order of their append, over segments", async () => {
    const outbox = await openOutbox(await testFolder(), SMALL);
    for (let i = 0; i < 50; i++) await outbox.append([record(A, `a${i}`), record(B, `b${i}`)]);
    const numbers = Array.from({ length: 50 }, (_, i) => i);
    expect(texts(await unsent(outbox, A))).toEqual(numbers.map((i) => `a${i}`));
    expect(texts(await unsent(outbox, B))).toEqual(numbers.map((i) => `b${i}`));
    expect(outbox.depth).toBe(100);
    expect(outbox.lastSequence).toBe(100);
  });

  test("overlapping appends keep their order and get growing sequences", async () => {
    const outbox = await openOutbox(await testFolder(), SMALL);
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => outbox.append([record(A, `${i}`)])),
    );
    expect(results.flat()).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(texts(await unsent(outbox, A))).toEqual(results.map((_, i) => `${i}`));
  });

  test("an entry is on disk when append resolves", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder);
    await outbox.append([record(A, "a reading, sealed")]);
    const [name = ""] = await segmentFiles(folder);
    expect((await readFile(join(folder, "outbox", name))).includes("a reading, sealed")).toBe(true);
  });

  test("what is acknowledged does not come back after a stop, the rest does", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder, SMALL);
    await outbox.append(Array.from({ length: 40 }, (_, i) => record(A, `${i}`)));
    const entries = await unsent(outbox, A);
    const acknowledged = entries[24];
    if (acknowledged) outbox.acknowledge(acknowledged);
    expect(outbox.depth).toBe(15);
    await outbox.stop();

    const again = await openOutbox(folder, SMALL);
    expect(again.depth).toBe(15);
    expect(texts(await unsent(again, A))).toEqual(entries.slice(25).map((e) => `${e.payload}`));
    expect(await again.append([record(A, "new")])).toEqual([41]);
  });

  test("malformed entries are refused before anything is taken", async () => {
    const outbox = await openOutbox(await testFolder());
    const bad = [{ ...record(A, "x"), stream: "topic" }, { ...record(A, "") }];
    for (const entry of bad)
      await expect(outbox.append([record(A, "good"), entry])).rejects.toMatchObject({
        code: "BAD_ARGUMENT",
      });
    expect(outbox.depth).toBe(0);
  });

  test("waitBeyond resolves with the next durable entry, and ends with a signal or a stop", async () => {
    const outbox = await openOutbox(await testFolder());
    const woken = outbox.waitBeyond(0);
    await outbox.append([record(A, "x")]);
    await woken;
    await outbox.waitBeyond(0);
    const abort = new AbortController();
    const aborted = outbox.waitBeyond(1, abort.signal);
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ code: "STOPPED" });
    const stopped = outbox.waitBeyond(1);
    await Promise.all([outbox.stop(), expect(stopped).rejects.toMatchObject({ code: "STOPPED" })]);
  });

  test("a stopped outbox takes nothing", async () => {
    const outbox = await openOutbox(await testFolder());
    await outbox.stop();
    await expect(outbox.append([record(A, "x")])).rejects.toMatchObject({ code: "STOPPED" });
  });
});

describe("room", () => {
  test("segments go when everything in them is acknowledged; the newest stays", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder, SMALL);
    for (let i = 0; i < 100; i++) await outbox.append([record(A, `${i}`)]);
    expect((await segmentFiles(folder)).length).toBeGreaterThan(5);
    const entries = await unsent(outbox, A);
    for (const entry of entries) outbox.acknowledge(entry);
    await outbox.stop();
    expect(await segmentFiles(folder)).toHaveLength(1);
    const again = await openOutbox(folder, SMALL);
    expect(again.depth).toBe(0);
    expect(await again.append([record(A, "next")])).toEqual([101]);
  });

  test("a stream that is stuck does not keep the segments of the others", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder, SMALL);
    await outbox.append([record(B, "stuck")]);
    for (let i = 0; i < 100; i++) await outbox.append([record(A, `${i}`)]);
    for (const entry of await unsent(outbox, A)) outbox.acknowledge(entry);
    await outbox.stop();
    expect(await segmentFiles(folder)).toHaveLength(2);
    const again = await openOutbox(folder, SMALL);
    expect(again.streams()).toEqual([{ stream: B, depth: 1, acknowledged: 0 }]);
    expect(texts(await unsent(again, B))).toEqual(["stuck"]);
  });

  test("marks survive the segment they were written in", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder, SMALL);
    await outbox.append([record(B, "stuck".padEnd(400)), record(A, "done")]);
    // The first segment is full: this mark goes with the next append into the second.
    for (const entry of await unsent(outbox, A)) outbox.acknowledge(entry);
    const C = "cc".repeat(16);
    for (let i = 0; i < 100; i++) await outbox.append([record(C, `${i}`)]);
    for (const entry of await unsent(outbox, C)) outbox.acknowledge(entry);
    await outbox.stop();
    expect(await segmentFiles(folder)).toHaveLength(2);
    const again = await openOutbox(folder, SMALL);
    expect(again.streams()).toEqual([{ stream: B, depth: 1, acknowledged: 0 }]);
  });

  test("at the bound `oldest` drops the oldest records, counts them, and keeps the announcement", async () => {
    const folder = await testFolder();
    const dropped: number[] = [];
    const outbox = await openOutbox(folder, {
      segmentBytes: 512,
      maxBytes: 4096,
      onReport: (report) => report.event === "dropped" && dropped.push(report.records),
    });
    await outbox.append([announcement(A, "kid-1"), announcement(A, "kid-2")]);
    for (let i = 0; i < 300; i++) await outbox.append([record(A, `${i}`)]);
    const left = texts(await unsent(outbox, A));
    expect(left[0]).toBe("kid-2");
    expect(left.at(-1)).toBe("299");
    expect(left.slice(1)).toEqual(left.slice(1).map((_, i) => `${300 - left.length + 1 + i}`));
    expect(dropped.reduce((a, b) => a + b, 0)).toBe(300 - (left.length - 1));
    expect(outbox.droppedRecords).toBe(300 - (left.length - 1));
    expect(outbox.depth).toBe(left.length);
    expect(outbox.bytes).toBeLessThanOrEqual(4096);

    await outbox.stop();
    const again = await openOutbox(folder, { segmentBytes: 512, maxBytes: 4096 });
    expect(texts(await unsent(again, A))).toEqual(left);
  });

  test("an acknowledgement of what was dropped meanwhile does not touch what was carried", async () => {
    const outbox = await openOutbox(await testFolder(), { segmentBytes: 512, maxBytes: 2048 });
    await outbox.append([record(A, "old"), record(A, "older"), announcement(A, "kid")]);
    const [old] = await unsent(outbox, A);
    for (let i = 0; i < 100; i++) await outbox.append([record(B, `${i}`)]);
    expect(texts(await unsent(outbox, A))).toEqual(["kid"]);
    if (old) outbox.acknowledge(old);
    expect(outbox.streams().find(({ stream }) => stream === A)).toMatchObject({ depth: 1 });
    expect(texts(await unsent(outbox, A))).toEqual(["kid"]);
  });

  test("a drop that a crash interrupted is finished on opening", async () => {
    const folder = await testFolder();
    const bounded = { segmentBytes: 512, maxBytes: 2048 };
    const outbox = await openOutbox(folder, bounded);
    await outbox.append([announcement(A, "kid-1")]);
    for (let i = 0; i < 20; i++) await outbox.append([record(A, `${i}`)]);
    await outbox.append([announcement(A, "kid-2")]);
    const victims = new Map<string, Buffer>();
    for (let i = 20; i < 200; i++) {
      for (const name of await segmentFiles(folder))
        victims.set(name, await readFile(join(folder, "outbox", name)));
      await outbox.append([record(A, `${i}`)]);
    }
    const left = texts(await unsent(outbox, A));
    await outbox.stop();
    // kid-2 was carried out of a segment that is gone; as after a crash, that segment is still there.
    const victim = [...victims].find(
      ([name, bytes]) => bytes.includes("kid-2") && !name.endsWith(`${"0".repeat(19)}1.seg`),
    );
    if (!victim) throw new Error("no segment was dropped");
    await writeFile(join(folder, "outbox", victim[0]), victim[1]);
    const again = await openOutbox(folder, bounded);
    expect(texts(await unsent(again, A))).toEqual(left);
    expect(left[0]).toBe("kid-2");
  });

  test("at the bound `newest` refuses what comes, until there is room", async () => {
    const outbox = await openOutbox(await testFolder(), {
      segmentBytes: 512,
      maxBytes: 2048,
      policy: "newest",
    });
    let taken = 0;
    const refused = await (async () => {
      for (; ; taken++) await outbox.append([record(A, `${taken}`)]);
    })().catch((error: unknown) => error);
    expect(isVeilError(refused, "LIMIT")).toBe(true);
    const entries = await unsent(outbox, A);
    expect(entries).toHaveLength(taken);
    const last = entries.at(-1);
    if (last) outbox.acknowledge(last);
    await expect.poll(() => outbox.bytes).toBeLessThan(600);
    await outbox.append([record(A, "room again")]);
  });

  test("a bound below four segments is a configuration error", async () => {
    const opening = openOutbox(await testFolder(), { segmentBytes: 512, maxBytes: 2047 });
    await expect(opening).rejects.toMatchObject({ code: "CONFIG" });
  });
});

describe("opening", () => {
  test("one outbox per folder, also by another spelling of its path", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder);
    await expect(openOutbox(`${folder}/../${folder.split("/").at(-1)}`)).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    await outbox.stop();
    await openOutbox(folder);
  });

  test("a torn tail is cut, reported, and its sequences are not used again", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder);
    await outbox.append([record(A, "one"), record(A, "two")]);
    await outbox.stop();
    const path = join(folder, "outbox", (await segmentFiles(folder)).at(-1) ?? "");
    const good = await readFile(path);
    await appendFile(path, good.subarray(8, 30));
    const reports: OutboxReport[] = [];
    const again = await openOutbox(folder, { onReport: (report) => reports.push(report) });
    expect(reports).toEqual([{ event: "torn", bytes: 22 }]);
    expect(await readFile(path)).toEqual(good);
    expect(texts(await unsent(again, A))).toEqual(["one", "two"]);
    expect(await again.append([record(A, "three")])).toEqual([4]);
  });

  test("a segment that a crash left without its header is removed", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder);
    await outbox.append([record(A, "one")]);
    await outbox.stop();
    await writeFile(join(folder, "outbox", "00000000000000000002.seg"), "VEI");
    const again = await openOutbox(folder);
    expect(await again.append([record(A, "two")])).toEqual([3]);
    expect(texts(await unsent(again, A))).toEqual(["one", "two"]);
  });

  /** 40 records in segments with footers; what `change` makes of the second one's bytes is there at the next opening. */
  async function changedSecond(change: (bytes: Buffer) => Buffer) {
    const folder = await testFolder();
    const outbox = await openOutbox(folder, SMALL);
    for (let i = 1; i <= 40; i++) await outbox.append([record(A, `${i}`)]);
    await outbox.stop();
    const [, name = ""] = await segmentFiles(folder);
    const path = join(folder, "outbox", name);
    await writeFile(path, change(await readFile(path)));
    const reports: OutboxReport[] = [];
    const onReport = (report: OutboxReport) => reports.push(report);
    const again = await openOutbox(folder, { ...SMALL, onReport });
    return { again, reports };
  }
  const withoutFooter = (bytes: Buffer) =>
    bytes.subarray(0, bytes.length - bytes.readUInt32BE(bytes.length - 4));

  test("a segment's readings are counted by its footer, and damage is told when they are read", async () => {
    const { again, reports } = await changedSecond((bytes) => bytes.fill(0x55, 60, 90));
    expect(again.depth).toBe(40);
    expect(reports).toEqual([]);
    const left = await unsent(again, A);
    expect(left.length).toBeLessThan(40);
    expect(reports).toEqual([
      { event: "damaged", bytes: expect.any(Number), entries: 40 - left.length },
    ]);
    expect(left.map((e) => e.sequence)).toEqual(left.map((e) => Number(e.payload.toString())));
    expect(again.depth).toBe(left.length);
    await unsent(again, A);
    expect(reports).toHaveLength(1);
    for (const entry of left) again.acknowledge(entry);
    expect(again.depth).toBe(0);
  });

  test("a segment of which nothing is left but its footer does not stand in the way", async () => {
    const { again, reports } = await changedSecond((bytes) =>
      Buffer.from(bytes).fill(0x55, 8, withoutFooter(bytes).length),
    );
    const left = await unsent(again, A);
    expect(reports).toMatchObject([{ event: "damaged", entries: 40 - left.length }]);
    for (const entry of left) again.acknowledge(entry);
    expect(again.depth).toBe(0);
  });

  test("a segment without a footer, as from before there were any, is read", async () => {
    const { again, reports } = await changedSecond(withoutFooter);
    expect(again.depth).toBe(40);
    expect(reports).toEqual([]);
    expect(await unsent(again, A)).toHaveLength(40);
  });

  test("damage in an old segment without a footer costs what it hit and is reported with a count", async () => {
    const { again, reports } = await changedSecond((bytes) => bytes.fill(0x55, bytes.length - 200));
    const left = await unsent(again, A);
    expect(left.length).toBeLessThan(40);
    expect(reports).toEqual([
      { event: "damaged", bytes: expect.any(Number), entries: 40 - left.length },
    ]);
    expect(left.map((e) => e.sequence)).toEqual(left.map((e) => Number(e.payload.toString())));
  });

  test("what is dropped of segments that were not read since the start is counted, too", async () => {
    const folder = await testFolder();
    const bound = { ...SMALL, maxBytes: 4000 };
    const outbox = await openOutbox(folder, bound);
    for (let i = 1; i <= 40; i++) await outbox.append([record(A, `${i}`)]);
    const { depth } = outbox;
    await outbox.stop();
    const again = await openOutbox(folder, bound);
    for (let i = 41; i <= 140; i++) await again.append([record(A, `${i}`)]);
    expect(again.droppedRecords).toBeGreaterThan(0);
    expect(again.depth).toBe(depth + 100 - again.droppedRecords);
    expect((await unsent(again, A)).length).toBe(again.depth);
  });

  test("files of a newer version are left alone", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder);
    await outbox.append([record(A, "one")]);
    await outbox.stop();
    const path = join(folder, "outbox", (await segmentFiles(folder))[0] ?? "");
    const bytes = await readFile(path);
    bytes[7] = 9;
    await writeFile(path, bytes);
    await expect(openOutbox(folder)).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
    expect(await readFile(path)).toEqual(bytes);
  });
});

describe("disk", () => {
  test("a folder that vanishes makes appends fail, and work again when it is back", async () => {
    const folder = await testFolder();
    const events: string[] = [];
    const outbox = await openOutbox(folder, {
      ...SMALL,
      onReport: (report) => events.push(report.event),
    });
    const big = "x".repeat(400);
    await outbox.append([record(A, big)]);
    const first = await unsent(outbox, A);
    await rm(join(folder, "outbox"), { recursive: true });
    await expect(outbox.append([record(A, big)])).rejects.toMatchObject({
      code: "DISK",
      retryable: true,
    });
    expect(outbox.depth).toBe(1);
    if (first[0]) outbox.acknowledge(first[0]);
    await mkdir(join(folder, "outbox"));
    await outbox.append([record(A, "after")]);
    expect(texts(await unsent(outbox, A))).toEqual(["after"]);
    expect(events).toContain("disk");
    expect(events).toContain("disk-ok");
  });
});

describe("order after a failure", () => {
  test("what waits behind a failed append fails too, though the disk is well again", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder, {
      ...SMALL,
      syncBytes: 100,
      onReport: (report) => report.event === "disk" && mkdirSync(join(folder, "outbox")),
    });
    await outbox.append([record(A, "x".repeat(400))]);
    await rm(join(folder, "outbox"), { recursive: true });
    const appends = ["first", "second"].map((text) => outbox.append([record(A, text.repeat(40))]));
    const results = await Promise.allSettled(appends);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await outbox.append([record(A, "third")]);
  });
});

describe("reject", () => {
  test("a refused record is kept with code and time and never handed out again", async () => {
    const folder = await testFolder();
    const outbox = await openOutbox(folder, SMALL);
    await outbox.append(["a", "b", "c", "d"].map((text) => record(A, text)));
    const [a, b, c, d] = await unsent(outbox, A);
    if (!a || !b || !c || !d) throw new Error("four were appended");
    await outbox.reject(b, "BAD_RECORD");
    await outbox.reject(c, "TOO_LARGE");
    expect(texts(await unsent(outbox, A))).toEqual(["a", "d"]);
    expect(outbox.depth).toBe(4);
    outbox.acknowledge(a);
    expect(outbox.depth).toBe(1);
    await outbox.reject(d, "EPOCH");
    expect(outbox.depth).toBe(0);
    expect(outbox.rejectedRecords).toBe(3);

    const [name = ""] = await readdir(join(folder, "rejected"));
    const lines = (await readFile(join(folder, "rejected", name), "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      [[b, "BAD_RECORD"] as const, [c, "TOO_LARGE"] as const, [d, "EPOCH"] as const].map(
        ([entry, code]) => ({
          time: expect.any(Number),
          code,
          stream: A,
          sequence: entry.sequence,
          kind: "record",
          payload: entry.payload.toString("base64url"),
        }),
      ),
    );

    await outbox.stop();
    const again = await openOutbox(folder, SMALL);
    expect(again.depth).toBe(0);
    expect(again.rejectedRecords).toBe(3);
  });

  test("the same refusal twice is kept once", async () => {
    const outbox = await openOutbox(await testFolder());
    await outbox.append([record(A, "a"), record(A, "b")]);
    const [, b] = await unsent(outbox, A);
    if (!b) throw new Error("two were appended");
    await outbox.reject(b, "BAD_RECORD");
    await outbox.reject(b, "BAD_RECORD");
    expect(outbox.rejectedRecords).toBe(1);
  });
});
