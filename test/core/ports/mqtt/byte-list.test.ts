/** The list does as `bl` does, which mqtt-packet was written for: whatever it is asked, also beyond its end. */
import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteList } from "../../../../core/ports/mqtt/byte-list.ts";

const load = createRequire(createRequire(import.meta.url).resolve("mqtt-packet"));
const bl: () => ByteList = load("bl");

const at = fc.nat(40);
const step = fc.oneof(
  fc
    .uint8Array({ maxLength: 20 })
    .map((bytes) => (list: ByteList) => list.append(Buffer.from(bytes))),
  at.map((count) => (list: ByteList) => list.consume(count)),
  at.map((n) => (list: ByteList) => list.readUInt8(n)),
  at.map((n) => (list: ByteList) => list.readUInt16BE(n)),
  at.map((n) => (list: ByteList) => list.readUInt32BE(n)),
  fc.tuple(at, at).map(
    ([start, length]) =>
      (list: ByteList) =>
        list.slice(start, start + length),
  ),
  fc.tuple(at, at).map(
    ([start, length]) =>
      (list: ByteList) =>
        list.toString("latin1", start, start + length),
  ),
);

/** What a step comes to: its value or the kind of its error, and how much is left. */
function outcome(list: ByteList, apply: (list: ByteList) => unknown): unknown {
  let value: unknown;
  try {
    value = apply(list);
  } catch (error) {
    value = Object(error).code;
  }
  // `bl` returns itself where ours returns nothing.
  const comparable = typeof value === "object" && !Buffer.isBuffer(value) ? undefined : value;
  return { value: comparable, length: list.length };
}

test("it answers as bl does, step by step", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ours = new ByteList();
      const theirs = bl();
      for (const apply of steps) expect(outcome(ours, apply)).toEqual(outcome(theirs, apply));
    }),
    { numRuns: 2_000 },
  );
});

test("a slice of a large chunk keeps nothing of it; of a small one that comes next it is a view", () => {
  const large = Buffer.alloc(Buffer.poolSize + 1, "x");
  const list = new ByteList();
  list.append(large);
  expect(list.slice(1, 4).toString()).toBe("xxx");
  expect(list.slice(1, 4).buffer).not.toBe(large.buffer);
  list.consume(large.length);
  const small = Buffer.from("0123456789");
  list.append(small);
  expect(list.slice(1, 4).buffer).toBe(small.buffer);
});

test("a slice of one small chunk is a view of it", () => {
  const chunk = Buffer.from("0123456789");
  const list = new ByteList();
  list.append(chunk);
  list.consume(2);
  expect(list.slice(1, 4).toString()).toBe("345");
  expect(list.slice(1, 4).buffer).toBe(chunk.buffer);
});
