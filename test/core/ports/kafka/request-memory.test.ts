import { expect, test } from "vitest";
import { RequestMemory } from "../../../../core/ports/kafka/request-memory.ts";

const MIB = 2 ** 20;

test("what one request has done with is lent to the next that fits in", () => {
  const memory = new RequestMemory();
  const first = memory.lend();
  const bytes = first.take(100_000);
  expect(bytes.length).toBeGreaterThanOrEqual(100_000);
  first.end();
  const larger = memory.lend().take(bytes.length + 1);
  expect(larger).not.toBe(bytes);
  expect(memory.lend().take(10)).toBe(bytes);
});

test("what is in use is lent to nobody else, nor what was never given back", () => {
  const memory = new RequestMemory();
  const [first, second] = [memory.lend(), memory.lend()];
  const taken = first.take(1000);
  expect(second.take(1000)).not.toBe(taken);
  second.end();
  expect(memory.lend().take(1000)).not.toBe(taken);
});

test("a loan ends once", () => {
  const memory = new RequestMemory();
  const loan = memory.lend();
  const taken = loan.take(1000);
  loan.end();
  loan.end();
  expect(memory.lend().take(1000)).toBe(taken);
  expect(memory.lend().take(1000)).not.toBe(taken);
});

test("of much that is given back only the last four MiB are kept", () => {
  const memory = new RequestMemory();
  const loans = Array.from({ length: 6 }, () => memory.lend());
  const taken = loans.map((loan) => loan.take(MIB));
  for (const loan of loans) loan.end();
  const again = taken.map(() => memory.lend().take(MIB));
  expect(again.slice(0, 4).every((bytes, n) => bytes === taken[5 - n])).toBe(true);
  expect(again.slice(4).some((bytes) => taken.includes(bytes))).toBe(false);
});
