import { expect, test } from "vitest";
import { ArrivalOrder } from "./arrival-order.ts";

test.each([
  ["in order", [0, 1, 2, 3], { arrived: 4, lost: 0, doubled: 0, outOfOrder: 0 }],
  ["one lost", [0, 1, 3], { arrived: 3, lost: 1, doubled: 0, outOfOrder: 0 }],
  ["one late", [0, 2, 1, 3], { arrived: 4, lost: 0, doubled: 0, outOfOrder: 1 }],
  ["one again", [0, 1, 2, 1, 3], { arrived: 4, lost: 0, doubled: 1, outOfOrder: 0 }],
] as const)("%s", (_, counts, verdict) => {
  const order = new ArrivalOrder(4);
  for (const n of counts) order.arrived(n);
  expect(order.verdict).toEqual(verdict);
  expect(() => order.arrived(4)).toThrow(RangeError);
});
