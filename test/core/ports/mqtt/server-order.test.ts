import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InOrder, type Ordered } from "../../../../core/ports/mqtt/server-order.ts";

interface Item extends Ordered<Item> {
  readonly name: number;
  isComplete: boolean;
}

function itemOf(name: number): Item {
  return { name, isComplete: false, next: undefined };
}

/** Items leave into `left`; `leave` says whether it goes on. */
function inOrderOf(left: number[], leave: (name: number) => boolean = () => true): InOrder<Item> {
  return new InOrder<Item>({
    isComplete: ({ isComplete }) => isComplete,
    leave: ({ name }) => {
      left.push(name);
      return leave(name);
    },
  });
}

function complete(inOrder: InOrder<Item>, item: Item | undefined): void {
  if (item) item.isComplete = true;
  inOrder.flush();
}

describe("InOrder", () => {
  it("lets items leave in the order of adding, whatever the order of completing", () => {
    const shuffled = fc.integer({ min: 1, max: 200 }).chain((count) =>
      fc.shuffledSubarray(
        Array.from({ length: count }, (_, i) => i),
        { minLength: count },
      ),
    );
    fc.assert(
      fc.property(shuffled, (order) => {
        const left: number[] = [];
        const inOrder = inOrderOf(left);
        const items = order.map((_, n) => itemOf(n));
        for (const item of items) inOrder.add(item);
        for (const [step, index] of order.entries()) {
          complete(inOrder, items[index]);
          const done = new Set(order.slice(0, step + 1));
          let expected = 0;
          while (done.has(expected)) expected++;
          expect(left.length).toBe(expected);
          expect(inOrder.size).toBe(order.length - expected);
        }
        expect(left).toEqual(order.toSorted((a, b) => a - b));
      }),
    );
  });

  it("takes new ones while others leave, and lets each leave once", () => {
    const left: number[] = [];
    const [a, b, c] = [itemOf(1), itemOf(2), itemOf(3)];
    const inOrder = inOrderOf(left, (name) => {
      if (name === a.name) {
        inOrder.add(c);
        complete(inOrder, c);
      }
      return true;
    });
    inOrder.add(a);
    inOrder.add(b);
    complete(inOrder, b);
    complete(inOrder, a);
    complete(inOrder, a);
    expect(left).toEqual([1, 2, 3]);
    expect(inOrder.size).toBe(0);
  });

  it("voids what comes after one that ends it, and after end()", () => {
    const left: number[] = [];
    const inOrder = inOrderOf(left, (name) => name !== 2);
    const items = [itemOf(1), itemOf(2), itemOf(3)];
    for (const item of items) inOrder.add(item);
    complete(inOrder, items[2]);
    complete(inOrder, items[0]);
    complete(inOrder, items[1]);
    inOrder.add(itemOf(4));
    expect(left).toEqual([1, 2]);
    expect(inOrder.size).toBe(0);
  });
});
