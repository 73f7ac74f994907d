/** Two epochs at the ingress: what each may still do, and what becomes of open sessions when the head changes. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { clientRole } from "../../core/scheme/client.ts";
import {
  generateMaster,
  ownerTag,
  publicParameters,
  splitHalves,
} from "../../core/scheme/owner.ts";
import type { ClientRole } from "../../core/scheme/suite.ts";
import { kafkaTopicOf } from "../../core/scheme/tag.ts";
import { encodeRegistration } from "../../core/wire/mqtt.ts";
import { quiet } from "../core/ports/mqtt/raw-client.ts";
import { EPOCH, type Member } from "../support/fleet.ts";
import { until } from "../support/until.ts";
import { type Device, IngressRig } from "./ingress-rig.ts";

const TOPIC = "plant/boiler";
const NEXT = 2;
const GRACE_MS = 1_000;
const RETENTION_MS = 5_000;
const master = await generateMaster({ suite: "p256", random: randomBytes });
const realm = { tenant: "acme", epoch: NEXT };
const tag = ownerTag({ master, realm, topic: TOPIC });

/** What importing a rotation's documents does: the head, then the client's enrolment and grants. */
function rotate(rig: IngressRig, { login }: Member): ClientRole {
  const parameters = publicParameters(master);
  const tagsUntilMs = rig.nowMs + GRACE_MS;
  const [old] = rig.fleet.only.epochs.values();
  const client = rig.fleet.client(login);
  if (!old || !client) throw new Error("no epoch, or no client");
  rig.fleet.changeTenant({
    epochs: new Map([
      [EPOCH, { ...old, tagsUntilMs, recordsUntilMs: tagsUntilMs + RETENTION_MS }],
      [NEXT, { epoch: NEXT, parameters }],
    ]),
  });
  const halves = splitHalves({ master, random: randomBytes, consumer: false });
  rig.fleet.change(login, {
    halves: new Map([...client.halves, [NEXT, halves.proxy]]),
    grants: new Map([
      ...client.grants,
      [tag.toString("hex"), { tag, ops: ["pub"], nbf: 0, exp: Number.MAX_SAFE_INTEGER }],
    ]),
  });
  return clientRole({ realm, parameters, halves: halves.client });
}

async function registerNext(device: Device, alias: number, role: ClientRole) {
  const registration = encodeRegistration({ epoch: NEXT, token: role.token(TOPIC) });
  for (;;) {
    const before = device.said(alias).length;
    await device.publish("reg", alias, registration);
    await until(() => device.said(alias).length > before);
    const answer = device.said(alias)[before];
    // A bucket as deep as its grants: one registration at once, then 5 a second.
    if (answer !== "refused LIMIT") return answer;
    await quiet(200);
  }
}

async function connected() {
  const rig = await IngressRig.start();
  const pump = rig.fleet.enrol("pump", [TOPIC], ["pub"]);
  const device = await rig.connect(pump);
  await device.open(1, TOPIC);
  await device.send(1, 0);
  return { rig, pump, device };
}

test("the grace window: both epochs work, on one connection that nobody ends", async () => {
  const { rig, pump, device } = await connected();
  const next = rotate(rig, pump);
  await device.send(1, 1);
  expect(await registerNext(device, 2, next)).toBe("ok");
  await device.send(1, 2);
  expect(device.said(1)).toEqual(["ok"]);
  expect(rig.topicsMade).toEqual([kafkaTopicOf(rig.fleet.tag(TOPIC)), kafkaTopicOf(tag)]);
});

test("after it: the old names are refused, old records go under the new one", async () => {
  const { rig, pump, device } = await connected();
  const next = rotate(rig, pump);
  rig.nowMs += GRACE_MS;
  // Whoever was not told of the end is told now: of the alias, since no record is at fault.
  await expect(device.send(1, 1)).rejects.toMatchObject({ code: "DISCONNECTED" });
  expect(device.said(1)).toEqual(["ok", "refused EPOCH"]);
  expect(device.acks.at(-1)).not.toHaveProperty("kid");

  const back = await rig.connect(pump);
  expect(await back.register(1, TOPIC)).toBe("refused EPOCH");
  expect(await registerNext(back, 2, next)).toBe("ok");
  // An announcement and records of the old epoch, from an outbox.
  await back.announce(2, TOPIC);
  await back.send(2, 0);

  rig.nowMs += RETENTION_MS;
  await expect(back.send(2, 1)).rejects.toMatchObject({ code: "DISCONNECTED" });
  expect(back.said(2).slice(-2)).toEqual(["ok", "refused EPOCH"]);
  expect(back.acks.at(-1)).toHaveProperty("kid");
  const last = await rig.connect(pump);
  expect(await registerNext(last, 2, next)).toBe("ok");
  await expect(last.announce(2, TOPIC)).rejects.toMatchObject({ code: "DISCONNECTED" });
  expect(last.said(2).slice(-2)).toEqual(["ok", "refused EPOCH"]);
});

test("tag halves that are gone end the old names before the window does", async () => {
  const { rig, pump } = await connected();
  const next = rotate(rig, pump);
  const halves = new Map(rig.fleet.client(pump.login)?.halves);
  halves.delete(EPOCH);
  rig.fleet.change(pump.login, { halves });
  const device = await rig.connect(pump);
  expect(await device.register(1, TOPIC)).toBe("refused EPOCH");
  expect(await registerNext(device, 2, next)).toBe("ok");
  await device.announce(2, TOPIC);
  await device.send(2, 0);
});

test("a head without the old epoch takes its aliases, and leaves the session", async () => {
  const { rig, pump, device } = await connected();
  const next = rotate(rig, pump);
  expect(await registerNext(device, 2, next)).toBe("ok");
  const [, newest] = rig.fleet.only.epochs.values();
  if (!newest) throw new Error("no epoch");
  rig.fleet.changeTenant({ epochs: new Map([[NEXT, newest]]) });
  await until(() => device.said(1).length === 2);
  expect(device.said(1)).toEqual(["ok", "refused EPOCH"]);
  expect(device.said(2).at(-1)).toBe("ok");
  expect(rig.ingress.sessions).toBe(1);
});
