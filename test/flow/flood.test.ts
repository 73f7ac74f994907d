/** A client that floods is slowed down to its limit; its neighbours are served meanwhile. */
import { expect, test } from "vitest";
import { limitsSchema } from "../../bridge/config/limits.ts";
import { encodeRegistration, formatUpstream } from "../../core/wire/mqtt.ts";
import { EPOCH } from "../support/fleet.ts";
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
