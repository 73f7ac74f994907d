/** Mail on its way from ZooKeeper to a device, through the ingress as it runs. */
import { expect, test } from "vitest";
import { mailPath } from "../../core/wire/directory.ts";
import { quiet } from "../core/ports/mqtt/raw-client.ts";
import { until } from "../support/until.ts";
import { IngressRig } from "./ingress-rig.ts";

const TOPIC = "plant/boiler";

test("a device that connects gets its mail, and it is gone when it is stored", async () => {
  const rig = await IngressRig.start();
  const pump = rig.fleet.enrol("pump", [TOPIC]);
  const document = rig.post(pump.login, 7);
  const stored: number[] = [];
  const device = await rig.connect(pump, async ({ number }) => {
    // As long as the disk takes, the mail stays.
    await quiet(50);
    expect(rig.zookeeper.nodes.size).toBe(1);
    stored.push(number);
    return true;
  });
  await until(() => rig.zookeeper.nodes.size === 0);
  expect(device.mail).toEqual([{ number: 7, document }]);
  expect(stored).toEqual([7]);
  expect(await rig.metric("veilmq_mail_total")).toBe(1);
});

test("one that is connected gets it at once, and goes on meanwhile", async () => {
  const rig = await IngressRig.start();
  const pump = rig.fleet.enrol("pump", [TOPIC]);
  const device = await rig.connect(pump);
  await device.open(1, TOPIC);
  rig.post(pump.login, 7);
  await device.send(1, 0);
  await until(() => device.mail.length === 1 && rig.zookeeper.nodes.size === 0);
  rig.post(pump.login, 8);
  await until(() => device.mail.length === 2);
  await device.send(1, 1);
});

test("only the newest is pushed, and the older ones go with it", async () => {
  const rig = await IngressRig.start();
  const pump = rig.fleet.enrol("pump", [TOPIC]);
  for (const number of [900, 1_000, 99]) rig.post(pump.login, number);
  const device = await rig.connect(pump);
  await until(() => rig.zookeeper.nodes.size === 0);
  expect(device.mail.map(({ number }) => number)).toEqual([1_000]);
});

test("what is not acknowledged stays, for the next connection to any bridge", async () => {
  const rig = await IngressRig.start();
  const other = await IngressRig.start(rig);
  const pump = rig.fleet.enrol("pump", [TOPIC]);
  rig.post(pump.login, 7);
  const full = await rig.connect(pump, () => false);
  await until(() => full.mail.length === 1);
  await full.connection.close();
  await until(() => rig.ingress.sessions === 0);
  expect(rig.zookeeper.nodes.size).toBe(1);
  const device = await other.connect(pump);
  await until(() => rig.zookeeper.nodes.size === 0);
  expect(device.mail.map(({ number }) => number)).toEqual([7]);
});

test("a client gets nobody else's mail, and none that the owner did not sign for it", async () => {
  const rig = await IngressRig.start();
  const pump = rig.fleet.enrol("pump", [TOPIC]);
  const fan = rig.fleet.enrol("fan", [TOPIC]);
  rig.post(fan.login, 7);
  rig.post(pump.login, 8, "fan");
  rig.zookeeper.put(mailPath("acme", "pump", 9), Buffer.from("forged"));
  rig.zookeeper.put(`${mailPath("acme", "pump", 9)}x`, Buffer.from("no number"));
  const device = await rig.connect(pump);
  await device.open(1, TOPIC);
  await quiet(50);
  expect(device.mail).toEqual([]);
  expect(rig.log.join("")).toContain("a mail was refused");
});

test("a revoked client gets none", async () => {
  const rig = await IngressRig.start();
  const pump = rig.fleet.enrol("pump", [TOPIC]);
  const device = await rig.connect(pump);
  rig.fleet.revoke(pump.login);
  await device.connection.closed;
  rig.post(pump.login, 7);
  await expect(rig.connect(pump)).rejects.toMatchObject({ code: "REVOKED" });
  expect([device.mail.length, rig.zookeeper.watched, rig.zookeeper.nodes.size]).toEqual([0, 0, 1]);
});

test("a device that comes back soon is still watched for, and no other", async () => {
  const rig = await IngressRig.start();
  const members = ["a", "b", "c"].map((name) => rig.fleet.enrol(name, [TOPIC]));
  expect(rig.zookeeper.watched).toBe(0);
  const devices = await Promise.all(members.map((member) => rig.connect(member)));
  await until(() => rig.zookeeper.watched === 3);
  await devices[0]?.connection.close();
  await until(() => rig.ingress.sessions === 2);
  const [first] = members;
  if (!first) throw new Error("nobody was enrolled");
  rig.post(first.login, 7);
  const again = await rig.connect(first);
  await until(() => rig.zookeeper.nodes.size === 0);
  expect(again.mail.map(({ number }) => number)).toEqual([7]);
  expect(rig.zookeeper.watched).toBe(3);
});

test("mail waits for a ZooKeeper that is away", async () => {
  const rig = await IngressRig.start();
  const pump = rig.fleet.enrol("pump", [TOPIC]);
  rig.post(pump.login, 7);
  rig.zookeeper.isAway = true;
  const device = await rig.connect(pump);
  await until(() => rig.log.join("").includes("mail waits"));
  rig.zookeeper.isAway = false;
  await until(() => rig.zookeeper.nodes.size === 0);
  expect(device.mail).toHaveLength(1);
});
