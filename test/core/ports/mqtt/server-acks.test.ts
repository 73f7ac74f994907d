import { expect, test } from "vitest";
import { Acks, encodePubacks } from "../../../../core/ports/mqtt/server-acks.ts";

test("a PUBACK is four bytes, in the order of the identifiers", () => {
  expect(encodePubacks([1, 256, 65_535]).toString("hex")).toBe(
    "40020001" + "40020100" + "4002ffff",
  );
  expect(encodePubacks([])).toHaveLength(0);
});

test("all who ask in one turn write after it, and are read on after the others' turn", async () => {
  const acks = new Acks();
  const calls: string[] = [];
  const asker = (name: string, onSend = () => {}) => ({
    sendAcks: () => {
      calls.push(`${name} writes`);
      onSend();
      return [{ done: () => calls.push(`${name} reads`) }];
    },
  });
  acks.soon(asker("first", () => acks.soon(asker("third"))));
  acks.soon(asker("second"));
  expect(calls).toEqual([]);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(calls).toEqual([
    ...["first writes", "second writes", "third writes"],
    ...["first reads", "second reads", "third reads"],
  ]);
});
