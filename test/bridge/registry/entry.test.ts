import { describe, expect, test } from "vitest";
import { entryKeyOf, openEntry, sealEntry } from "../../../bridge/registry/entry.ts";
import { InternalStore } from "../../../core/wire/store.ts";
import { announced } from "./fixture.ts";

const store = new InternalStore(Buffer.alloc(32, 1));
const { key, entry } = announced({ tenant: "acme", producerId: "pump" });
const entryKey = entryKeyOf(store, key);

describe("a registry entry", () => {
  test("comes back with its tag, kid and producer", () => {
    const opened = openEntry(store, "acme", { entryKey, sealed: sealEntry(store, key, entry) });
    expect(opened).toEqual({ key, entry });
  });

  test.each([
    ["another entry's key", { ...key, tag: Buffer.alloc(32, 9) }],
    ["another producer's key", { ...key, producerId: "fan" }],
  ])("does not open under %s", (_, other) => {
    const sealed = sealEntry(store, key, entry);
    expect(openEntry(store, "acme", { entryKey: entryKeyOf(store, other), sealed })).toBeNull();
  });

  test("is refused where what it holds does not make the key it lies under", () => {
    const { entry: foreign } = announced({ tenant: "acme", producerId: "fan" });
    const sealed = sealEntry(store, key, foreign);
    expect(openEntry(store, "acme", { entryKey, sealed })).toBeNull();
  });

  test("of another tenant, or cut, or empty, is none", () => {
    const sealed = sealEntry(store, key, entry);
    expect(openEntry(store, "other", { entryKey, sealed })).toBeNull();
    const other = new InternalStore(Buffer.alloc(32, 2));
    expect(openEntry(other, "acme", { entryKey, sealed })).toBeNull();
    for (const bytes of [0, 12, 40, sealed.length - 1])
      expect(openEntry(store, "acme", { entryKey, sealed: sealed.subarray(0, bytes) })).toBeNull();
  });
});
