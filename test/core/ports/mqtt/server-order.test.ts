import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InOrder } from "../../../../core/ports/mqtt/server-order.ts";

describe("InOrder", () => {
  it("lets completions leave in the order of asking, whatever the order of completing", () => {
    const shuffled = fc.integer({ min: 1, max: 200 }).chain((count) =>
      fc.shuffledSubarray(
        Array.from({ length: count }, (_, i) => i),
        { minLength: count },
      ),
    );
    fc.assert(
      fc.property(shuffled, (order) => {
        const left: number[] = [];
        const inOrder = new InOrder<number>((value) => left.push(value) > 0);
        const completions = order.map(() => inOrder.add());
        for (const [step, index] of order.entries()) {
          completions[index]?.(index);
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

  it("takes new ones while others leave, and completes each once", () => {
    const left: string[] = [];
    const inOrder = new InOrder<string>((value) => {
      left.push(value);
      if (value === "a") inOrder.add()("c");
      return true;
    });
    const a = inOrder.add();
    const b = inOrder.add();
    b("b");
    a("a");
    a("again");
    expect(left).toEqual(["a", "b", "c"]);
  });

  it("voids what comes after one that ends it, and after end()", () => {
    const left: string[] = [];
    const inOrder = new InOrder<string>((value) => {
      left.push(value);
      return value !== "last";
    });
    const [a, b, c] = [inOrder.add(), inOrder.add(), inOrder.add()];
    c("c");
    a("a");
    b("last");
    expect(left).toEqual(["a", "last"]);
    expect(inOrder.size).toBe(0);
  });
});
