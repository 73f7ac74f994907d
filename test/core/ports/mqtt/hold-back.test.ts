import { expect, test } from "vitest";
import { until } from "../../../support/until.ts";
import { connectPacket, publishPacket, quiet, RawClient } from "./raw-client.ts";
import { startRig } from "./server-rig.ts";

test("who is held back is not read for that long, the others are, and nothing is lost", async () => {
  const { port, sessions, closed } = await startRig({ autoAck: true });
  const slow = await RawClient.login(port, "slow@acme");
  const other = await RawClient.login(port, "other@acme");
  const [session] = sessions;
  const beganMs = performance.now();
  session?.holdBack(300);
  // A longer wait on top counts, a shorter one changes nothing.
  session?.holdBack(600);
  session?.holdBack(10);
  for (let n = 1; n <= 50; n++) slow.publish("v1/rec/1", "x", n);
  for (let n = 1; n <= 50; n++) other.publish("v1/rec/1", "x", n);
  await until(() => other.pubacks.length === 50);
  expect(slow.pubacks).toEqual([]);
  await until(() => slow.pubacks.length === 50);
  expect(performance.now() - beganMs).toBeGreaterThan(590);
  expect(closed).toEqual([]);
});

test("who was held back once is read in slices, a packet larger than one included, and nothing is lost", async () => {
  const read: { bytes: number; packets: number }[] = [];
  const { port, sessions, closed } = await startRig({
    autoAck: true,
    onRead: (_session, bytes, packets) => void read.push({ bytes, packets }),
  });
  const client = await RawClient.login(port, "flood@acme");
  sessions[0]?.holdBack(300);
  for (let n = 1; n <= 1000; n++)
    client.publish("v1/rec/1", n === 500 ? "x".repeat(20_000) : "x", n);
  await until(() => client.pubacks.length === 1000);
  expect(closed).toEqual([]);
  expect(Math.max(...read.map(({ bytes }) => bytes))).toBeLessThanOrEqual(4096);
  expect(read.reduce((sum, { packets }) => sum + packets, 0)).toBe(1000);
});

test("is read in slices as long as it is said", async () => {
  const read: number[] = [];
  const { port, sessions } = await startRig({
    autoAck: true,
    onRead: (_session, bytes) => void read.push(bytes),
  });
  const client = await RawClient.login(port, "device@acme");
  const burst = Buffer.concat(
    Array.from({ length: 100 }, (_, n) =>
      publishPacket({ topic: "v1/rec/1", payload: "x".repeat(500), messageId: n + 1 }),
    ),
  );
  const largest: number[] = [];
  for (const isSo of [true, false]) {
    sessions[0]?.readInSlices(isSo);
    read.length = 0;
    const pubacks = client.pubacks.length;
    client.send(burst);
    await until(() => client.pubacks.length === pubacks + 100);
    largest.push(Math.max(...read));
  }
  expect(largest[0]).toBeLessThanOrEqual(4096);
  expect(largest[1]).toBeGreaterThan(4096);
});

test("what comes with a CONNECT is read in slices and counted, and who is held back at once is not read on", async () => {
  const read: { bytes: number; packets: number }[] = [];
  const { port } = await startRig({
    autoAck: true,
    onRead: (session, bytes, packets) => {
      if (read.length === 0) session.holdBack(400);
      read.push({ bytes, packets });
    },
  });
  const client = await RawClient.open(port);
  const publishes = Array.from({ length: 100 }, (_, n) =>
    publishPacket({ topic: "v1/rec/1", payload: "x".repeat(500), messageId: n + 1 }),
  );
  const words = Buffer.concat([connectPacket(), ...publishes]);
  const beganMs = performance.now();
  client.send(words);
  await until(() => client.pubacks.length > 0);
  await quiet(100);
  expect(client.pubacks.length).toBeLessThan(10);
  await until(() => client.pubacks.length === 100);
  expect(performance.now() - beganMs).toBeGreaterThan(390);
  expect(Math.max(...read.map(({ bytes }) => bytes))).toBeLessThanOrEqual(4096);
  expect(read.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(words.length);
  expect(read.reduce((sum, { packets }) => sum + packets, 0)).toBe(100);
});
