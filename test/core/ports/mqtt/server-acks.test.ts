import { expect, test } from "vitest";
import { Acks, encodePubacks } from "../../../../core/ports/mqtt/server-acks.ts";

test("a PUBACK is four bytes, in the order of the identifiers", () => {
  expect(encodePubacks([1, 256, 65_535]).toString("hex")).toBe(
    "40020001" + "40020100" + "4002ffff",
  );
  expect(encodePubacks([])).toHaveLength(0);
});

test("all who ask in one turn are called after it, each once, and may ask again then", async () => {
  const acks = new Acks();
  const calls: string[] = [];
  const again = { sendAcks: () => calls.push("again") };
  const first = {
    sendAcks: () => {
      calls.push("first");
      acks.soon(again);
    },
  };
  acks.soon(first);
  acks.soon({ sendAcks: () => calls.push("second") });
  expect(calls).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toEqual(["first", "second", "again"]);
});
