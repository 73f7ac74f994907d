/** A client that floods is slowed down to its limit; its neighbours are served meanwhile. */
import { expect, test } from "vitest";
import { limitsSchema } from "../../bridge/config/limits.ts";
import { encodeRegistration, formatUpstream } from "../../core/wire/mqtt.ts";
import { quiet } from "../core/ports/mqtt/raw-client.ts";
import { EPOCH } from "../support/fleet.ts";
import { until } from "../support/until.ts";
import { IngressRig } from "./ingress-rig.ts";

test("a flood waits, nothing of it is lost, and a neighbour does not notice", async () => {
  const rig = await IngressRig.start();
  // 40 at once: what is beyond is paid for with 3 seconds.
  const limits = limitsSchema.parse({ client: { messagesPerSecond: 20 } });
  rig.limits.book.set({ limits, tenants: [] });
  const [bad, good] = [rig.fleet.enrol("bad", ["a"]), rig.fleet.enrol("good", ["a"])];
  const [flooding, neighbour] = [await rig.connect(bad), await rig.connect(good)];
  const payload = encodeRegistration({ epoch: EPOCH, token: Buffer.alloc(32, 1) });
  const topic = formatUpstream({ kind: "reg", alias: 1 });
  const flood = Array.from({ length: 100 }, () => flooding.connection.publish(topic, payload));
  await Promise.all(flood);
  let isLate = false;
  const late = flooding.connection.publish(topic, payload).then(() => {
    isLate = true;
  });
  await neighbour.connection.publish(topic, payload);
  expect(isLate).toBe(false);
  await late;
  expect(await rig.metric("veilmq_limits_total")).toBeGreaterThan(0);
  const lines = rig.log.filter((line) => line.includes('"limit":"client.messagesPerSecond"'));
  expect(lines).toHaveLength(1);
});

test("registrations that come together are judged at their rate, twenty at once", async () => {
  const rig = await IngressRig.start();
  const limits = limitsSchema.parse({ client: { registrationsPerSecond: 20 } });
  rig.limits.book.set({ limits, tenants: [] });
  const device = await rig.connect(rig.fleet.enrol("sensor", ["a"]));
  const beganMs = performance.now();
  const tookMs = await Promise.all(
    Array.from({ length: 30 }, async (_, n) => {
      await device.publish("reg", 1 + n, encodeRegistration({ epoch: 9, token: Buffer.alloc(32) }));
      return performance.now() - beganMs;
    }),
  );
  expect(tookMs[19]).toBeLessThan(400);
  // Each after the twentieth has to wait for a twentieth of a second more.
  expect(tookMs[20]).toBeGreaterThan(45);
  expect(tookMs[29]).toBeGreaterThan(490);
  await until(() => device.acks.length === 30);
  expect(device.acks.map(({ alias }) => alias)).toEqual(
    Array.from({ length: 30 }, (_, n) => 1 + n),
  );
});

test("what waited is not done when its session is over, and keeps nobody from stopping", async () => {
  const rig = await IngressRig.start();
  const limits = limitsSchema.parse({ client: { registrationsPerSecond: 10 } });
  rig.limits.book.set({ limits, tenants: [] });
  const device = await rig.connect(rig.fleet.enrol("sensor", ["a"]));
  const asked = Array.from({ length: 24 }, (_, n) =>
    device.publish("reg", 1 + n, encodeRegistration({ epoch: 9, token: Buffer.alloc(32) })),
  );
  const settled = Promise.allSettled(asked);
  await until(() => device.acks.length === 20);
  await device.connection.close();
  await settled;
  await quiet(1_000);
  expect(rig.refusals).toHaveLength(20);
});
