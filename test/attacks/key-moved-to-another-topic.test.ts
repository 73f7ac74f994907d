/**
 * Attack: readings of one topic passed off as another's.
 * Holds: who can write to the registry and to Kafka: the operator.
 * Does: registers a true announcement again under another topic's tag, and copies the records into that topic.
 * Gets: where keys are not bound to a topic, a boiler that shows the freezer's temperature, all signatures in order.
 * VeilMQ: topic, tenant, epoch and producer are in the key derivation and in the AAD. The consumer derives for the
 *   topic it asked for, finds another commit than the announced one, and rejects. A moved record has another tag, too.
 * PROTOCOL.md §3 (Data key, Record).
 */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { hkdf } from "../../core/scheme/bytes.ts";
import { openWith, sealWith } from "../../core/wire/document.ts";
import { keyOf, Party, Reader, reading, released } from "./victim.ts";

const FREEZER = "plant/freezer";
const BOILER = "plant/boiler";
const pump = new Party("pump");
const consumer = new Party("reader");
const made = pump.makeKey(FREEZER);
const announcement = pump.announce({ wrapped: made.wrapped, commit: made.key.commit });
const moved = released(consumer, announcement, pump.certificate());

test("a key derived from r alone, and no AAD, open the record under any topic", () => {
  const naiveKey = (_topic: string): Buffer => hkdf(made.ikm, { info: "key", length: 32 });
  const nothing = Buffer.alloc(0);
  const record = sealWith(naiveKey(FREEZER), Buffer.from("-21.5"), nothing, randomBytes);
  expect(openWith(naiveKey(BOILER), record, nothing).toString()).toBe("-21.5");
});

test("ours: the consumer of the other topic finds out", async () => {
  const records = [0, 1].map((seq) => ({ value: reading(made.key, seq) }));
  const home = await new Reader(consumer, FREEZER, [moved]).read(...records);
  expect(home.readings).toHaveLength(2);
  const { readings, rejects } = await new Reader(consumer, BOILER, [moved]).read(...records);
  expect(readings).toEqual([]);
  expect(rejects.map(({ code }) => code)).toEqual(["BAD_KEY", "BAD_KEY"]);
  expect(rejects[0]?.reason).toMatch(/not the announced one/);
});

test("ours: nor can the record alone be moved below a key of the right topic", async () => {
  const right = { ...keyOf(made.ikm, { topic: BOILER, producerId: pump.id }), kid: made.key.kid };
  const { rejects } = await new Reader(consumer, BOILER, [moved]).read({
    value: reading(right, 0),
  });
  expect(rejects[0]?.code).toBe("BAD_KEY");
});
