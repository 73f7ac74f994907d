import fc from "fast-check";
import { LRUCache } from "lru-cache";
import { expect, test } from "vitest";
import { RecentMap } from "../../../core/runtime/recent-map.ts";

test("keeps what was used last, as lru-cache does", () => {
  const step = fc.record({ what: fc.constantFrom("get", "set", "delete"), key: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const own = new RecentMap<number, number>({ max: 4 });
      const other = new LRUCache<number, number>({ max: 4 });
      for (const [n, { what, key }] of steps.entries()) {
        if (what === "get") expect(own.get(key)).toBe(other.get(key));
        else if (what === "delete") {
          own.delete(key);
          other.delete(key);
        } else {
          own.set(key, n);
          other.set(key, n);
        }
        expect(own.size).toBe(other.size);
      }
    }),
  );
});

test("forgets what was set too long ago, however often it was used", () => {
  let nowMs = 0;
  const map = new RecentMap<string, number>({ max: 2, ttlMs: 10, nowMs: () => nowMs });
  map.set("a", 1);
  nowMs = 9;
  expect(map.get("a")).toBe(1);
  nowMs = 10;
  expect(map.get("a")).toBeUndefined();
  expect(map.size).toBe(0);
});
