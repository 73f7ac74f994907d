import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { LocalIndex } from "../../../bridge/registry/local-index.ts";
import { testFolder } from "../../support/folder.ts";

const entryKey = (n: number): Buffer => Buffer.alloc(32, n);
const lookup = Buffer.alloc(16, 0xff);
const sealed = Buffer.from("sealed");
const usedAtMs = 1_700_000_000_000;

async function openIndex(folder: string): Promise<LocalIndex> {
  const index = new LocalIndex(folder);
  await index.open();
  onTestFinished(() => index.close());
  return index;
}

async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("LocalIndex", () => {
  test("finds by key and lists by prefix, across a restart", async () => {
    const folder = join(await testFolder(), "index");
    const index = await openIndex(folder);
    const entries = [1, 255, 3].map((n) => ({ entryKey: entryKey(n), lookup, sealed, usedAtMs }));
    const other = { entryKey: entryKey(4), lookup: Buffer.alloc(16, 0xfe), sealed, usedAtMs };
    await index.realm("a").write([...entries, other], 17n);
    await index.close();

    const realm = (await openIndex(folder)).realm("a");
    expect(await realm.get(entryKey(255))).toEqual(sealed);
    expect(await realm.get(entryKey(9))).toBeUndefined();
    const listed = await realm.list(lookup, 10);
    expect(listed.map((one) => one.entryKey[0]).sort()).toEqual([1, 255, 3]);
    expect(await realm.list(lookup, 2)).toHaveLength(2);
    expect((await realm.position())?.next).toBe(17n);
  });

  test("lists all of many, up to the limit", async () => {
    const realm = (await openIndex(join(await testFolder(), "index"))).realm("a");
    const numbers = Array.from({ length: 256 }, (_, n) => n);
    await realm.write(numbers.map((n) => ({ entryKey: entryKey(n), lookup, sealed, usedAtMs })));
    const all = await realm.list(lookup, 300);
    expect(all.map((one) => one.entryKey[0])).toEqual(numbers);
    for (const limit of [16, 17, 255, 256])
      expect(await realm.list(lookup, limit)).toHaveLength(limit);
  });

  test("a deletion takes the entry from both", async () => {
    const realm = (await openIndex(join(await testFolder(), "index"))).realm("a");
    await realm.write([{ entryKey: entryKey(1), lookup, sealed, usedAtMs }]);
    await realm.write([{ entryKey: entryKey(1), lookup, sealed: null }], 5n);
    expect(await realm.get(entryKey(1))).toBeUndefined();
    expect(await realm.list(lookup, 10)).toEqual([]);
  });

  test("tells when an entry was used last, and which were not used since", async () => {
    const realm = (await openIndex(join(await testFolder(), "index"))).realm("a");
    const places = [1, 2, 3].map((n) => ({ entryKey: entryKey(n), lookup }));
    await realm.write(places.map((place, n) => ({ ...place, sealed, usedAtMs: usedAtMs + n })));
    const [first, second, third] = places;
    expect(second && (await realm.usedAtMs(second))).toBe(usedAtMs + 1);
    expect(await listed(realm.unusedSince(usedAtMs + 2))).toEqual([first, second]);
    if (first) await realm.write([{ ...first, sealed, usedAtMs: usedAtMs + 9 }]);
    if (second) await realm.write([{ ...second, sealed: null }]);
    expect(await listed(realm.unusedSince(usedAtMs + 9))).toEqual([third]);
    expect(second && (await realm.usedAtMs(second))).toBeUndefined();
  });

  test("topics are kept apart, also when one is cleared", async () => {
    const index = await openIndex(join(await testFolder(), "index"));
    const [a, b] = [index.realm("a"), index.realm("b")];
    for (const realm of [a, b])
      await realm.write([{ entryKey: entryKey(1), lookup, sealed, usedAtMs }], 1n);
    await a.clear();
    expect(await a.get(entryKey(1))).toBeUndefined();
    expect(await a.list(lookup, 10)).toEqual([]);
    expect(await a.position()).toBeNull();
    expect(await b.get(entryKey(1))).toEqual(sealed);
    expect(await b.position()).not.toBeNull();
  });

  test("one that was damaged is made anew", async () => {
    const folder = join(await testFolder(), "index");
    const index = await openIndex(folder);
    await index.realm("a").write([{ entryKey: entryKey(1), lookup, sealed, usedAtMs }], 1n);
    await index.close();
    await writeFile(join(folder, "CURRENT"), randomBytes(30));
    const again = (await openIndex(folder)).realm("a");
    expect(await again.position()).toBeNull();
  });

  test("is for one process alone", async () => {
    const folder = join(await testFolder(), "index");
    await openIndex(folder);
    await expect(new LocalIndex(folder).open()).rejects.toMatchObject({ code: "DISK" });
    expect(await (await openIndex(`${folder}2`)).realm("a").position()).toBeNull();
  });
});
