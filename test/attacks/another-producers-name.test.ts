/**
 * Attack: a reading in another producer's name.
 * Holds: a client of the tenant with `pub` and `sub` on one topic. As a consumer it has the data keys of the topic's
 *   producers: they are symmetric, and who can open a record can seal one.
 * Does: announces the victim's kid in its own name, with a W of its own, so that the bridge lets records of that kid
 *   through; publishes what it sealed with the victim's key; or the victim's own records, once more.
 * Gets: consumers find the victim's key for that kid and read the forgery as the victim's; a true record published again
 *   comes under another Kafka key, where no mark makes it a repeat. The signature of a producer that signs does
 *   not help against the second.
 * VeilMQ: the registry takes a kid under a tag from one producer only, the first: the victim, since nobody knows a kid
 *   before it is announced (test/stack/attacks/one-producer-for-a-kid.test.ts). Without its announcement no record is
 *   taken. Below: what happens where a registry takes both. And a producer that signs cannot be imitated at all.
 *   The operator, who writes to Kafka itself, can still repeat true records under another key: see the limits.
 * PROTOCOL.md §3 (Key announcement, Record, Order and repeats).
 */
import { createPublicKey } from "node:crypto";
import { expect, test } from "vitest";
import { type Device, IngressRig } from "../flow/ingress-rig.ts";
import { type Message, Party, Reader, reading, released } from "./victim.ts";

const TOPIC = "plant/boiler";

const pump = new Party("pump");
const mallory = new Party("mallory");
const consumer = new Party("reader");
const made = pump.makeKey(TOPIC);
const { commit } = made.key;
const honest = pump.announce({ wrapped: made.wrapped, commit });
const planted = mallory.announce({ wrapped: mallory.makeKey(TOPIC).wrapped, commit });

/** Both at a bridge whose registry takes whatever it is given. */
async function atTheBridge(): Promise<{ rig: IngressRig; devices: Device[] }> {
  const rig = await IngressRig.start();
  const devices = [];
  for (const { id, signingKey } of [pump, mallory]) {
    const device = await rig.connect({ ...rig.fleet.enrol(id, [TOPIC]), signingKey });
    const login = { tenant: "acme", client: id };
    rig.fleet.change(login, { signingKey: createPublicKey(signingKey) });
    await device.register(1, TOPIC);
    devices.push(device);
  }
  return { rig, devices };
}

/** What a consumer finds in Kafka. */
function messagesOf({ kafka }: IngressRig): Message[] {
  return kafka.requests
    .flat()
    .flatMap(({ messages }) =>
      messages.flatMap(({ key, value }) =>
        value ? [{ key: String(key?.toString("hex")), value }] : [],
      ),
    );
}

function readerFor(signs: boolean): Reader {
  const keys = [
    released(consumer, planted, mallory.certificate()),
    released(consumer, honest, pump.certificate({ signs })),
  ];
  return new Reader(consumer, TOPIC, keys);
}

test("where a registry takes a kid from two producers, one publishes as the other", async () => {
  const { rig, devices } = await atTheBridge();
  const [victim, attacker] = devices;
  const first = reading(made.key, 0);
  await victim?.publish("key", 1, honest);
  await victim?.publish("rec", 1, first);
  await attacker?.publish("key", 1, planted);
  await attacker?.publish("rec", 1, first);
  await attacker?.publish("rec", 1, reading(made.key, 1, { value: 99 }));

  const { readings } = await readerFor(false).read(...messagesOf(rig));
  expect(readings.map(({ producer, pack }) => [producer, pack[0]?.v])).toEqual([
    ["pump", 21.5],
    ["pump", 21.5],
    ["pump", 99],
  ]);
});

test("ours: without an announcement that was taken, the bridge takes no record of that kid", async () => {
  const { rig, devices } = await atTheBridge();
  const [victim, attacker] = devices;
  await victim?.publish("key", 1, honest);
  await attacker?.publish("rec", 1, reading(made.key, 1, { value: 99 })).catch(() => undefined);
  expect(rig.refusals).toEqual(["rec BAD_RECORD"]);
  expect(messagesOf(rig)).toEqual([]);
});

test("ours: a producer that signs is not imitated, whatever the registry takes", async () => {
  const mine = reading(made.key, 1, { value: 99, signingKey: mallory.signingKey });
  const unsigned = reading(made.key, 1, { value: 99 });
  const honestly = reading(made.key, 0, { signingKey: pump.signingKey });
  const { readings, rejects } = await readerFor(true).read(
    { value: honestly },
    { key: "mallory", value: mine },
    { key: "mallory", value: unsigned },
  );
  expect(readings.map(({ pack }) => pack[0]?.v)).toEqual([21.5]);
  expect(rejects.map(({ code }) => code)).toEqual(["BAD_RECORD", "BAD_RECORD"]);
});
