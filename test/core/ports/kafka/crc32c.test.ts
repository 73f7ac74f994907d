import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32C } from "../../../../core/ports/kafka/crc32c.ts";

/** RFC 3720, appendix B.4. */
test.each([
  ["32 bytes of zeroes", Buffer.alloc(32), 0x8a9136aa],
  ["32 bytes of ones", Buffer.alloc(32, 0xff), 0x62a8ab43],
  ["32 bytes up", Buffer.from(Array.from({ length: 32 }, (_, n) => n)), 0x46dd794e],
  ["32 bytes down", Buffer.from(Array.from({ length: 32 }, (_, n) => 31 - n)), 0x113fdb5c],
  ["123456789", Buffer.from("123456789"), 0xe3069283],
  ["nothing", Buffer.alloc(0), 0],
])("%s", (_name, bytes, expected) => {
  expect(crc32C(bytes)).toBe(expected);
});

test("is kafkajs's own, for any length and any start within a buffer", () => {
  const load = createRequire(import.meta.url);
  const own: (bytes: Uint8Array) => number = load("kafkajs/src/protocol/recordBatch/crc32C/crc32C");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(16), (bytes, skip) => {
      const part = Buffer.from(bytes).subarray(Math.min(skip, bytes.length));
      expect(crc32C(part)).toBe(own(part) >>> 0);
    }),
  );
});
