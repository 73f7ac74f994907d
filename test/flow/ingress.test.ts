import { createPublicKey, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { VeilError } from "../../core/errors.ts";
import { kafkaTopicOf } from "../../core/scheme/tag.ts";
import { generateSigningKey, importSigningKey } from "../../core/wire/keys.ts";
import { formatLogin } from "../../core/wire/login.ts";
import { connectPacket, quiet, RawClient } from "../core/ports/mqtt/raw-client.ts";
import { EPOCH } from "../support/fleet.ts";
import { until } from "../support/until.ts";
import { type Device, IngressRig } from "./ingress-rig.ts";

const TOPIC = "weather/zagreb";
const OTHER = "weather/split";

describe("the way of a record", () => {
  it("from connect to a PUBACK that means acks=all", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    await device.open(7, TOPIC);
    await Promise.all([0, 1, 2].map((seq) => device.send(7, seq)));
    const kafkaTopic = kafkaTopicOf(rig.fleet.tag(TOPIC));
    expect(rig.topicsMade).toEqual([kafkaTopic]);
    expect(rig.registry.entries.size).toBe(1);
    expect(rig.registry.questions).toBe(0);
    expect(rig.kafka.log.get(kafkaTopic)?.length).toBe(3);
    expect(await rig.metric("veilmq_records_total")).toBe(3);
    expect(await rig.metric("veilmq_matches_total")).toBe(1);
    const { body } = await rig.metrics.text();
    expect(body).toContain('veilmq_matches_total{source="computed",tenant="acme"} 1');
    expect(body).toContain('veilmq_puback_seconds_count{kind="rec",tenant="acme"} 3');
  });

  it("byte for byte, under a pseudonym, in publish order", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    await device.open(7, TOPIC);
    const records = Array.from({ length: 50 }, (_, seq) => device.record(7, seq));
    await Promise.all(records.map((record) => device.publish("rec", 7, record)));
    const messages = rig.kafka.requests.flatMap((request) => request.flatMap((b) => b.messages));
    expect(messages.map(({ value }) => value?.toString("hex"))).toEqual(
      records.map((record) => record.toString("hex")),
    );
    const keys = new Set(messages.map(({ key }) => key?.toString("hex")));
    expect(keys.size).toBe(1);
    expect([...keys][0]?.length).toBe(16);
  });

  it("waits for Kafka as long as it is away, and for the registry", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    await device.register(7, TOPIC);
    rig.registry.isAway = true;
    let announced = false;
    const announcing = device.announce(7, TOPIC).then(() => {
      announced = true;
    });
    await quiet(300);
    expect(announced).toBe(false);
    rig.registry.isAway = false;
    await announcing;
    rig.kafka.outcome = () => "lost";
    let written = false;
    const sending = device.send(7, 0).then(() => {
      written = true;
    });
    await quiet(200);
    expect(written).toBe(false);
    rig.kafka.outcome = () => "ok";
    await sending;
  });

  it("asks the registry once for a key that was announced on another connection, in order", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    const first = await rig.connect(member);
    await first.open(7, TOPIC);
    await first.connection.close();
    const second = await rig.connect(member);
    await second.register(7, TOPIC);
    const records = [0, 1, 2, 3].map((seq) => first.record(7, seq));
    await Promise.all(records.map((record) => second.publish("rec", 7, record)));
    expect(rig.registry.questions).toBe(1);
    const written = [...rig.kafka.log.values()].flat();
    expect(written).toEqual(records.map(String));
  });
});

describe("who may connect", () => {
  it("is decided by the directory: default deny, one answer for every wrong login", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    const attempts: [string, string, string][] = [
      ["sensor@acme", "sensor@acme", randomBytes(32).toString("base64url")],
      ["nobody@acme", "nobody@acme", member.secret.toString("base64url")],
      ["sensor@other", "sensor@other", member.secret.toString("base64url")],
      ["sensor@acme", "someone@acme", member.secret.toString("base64url")],
      ["sensor", "sensor", member.secret.toString("base64url")],
      ["sensor@acme", "sensor@acme", `${member.secret.toString("base64url")}=`],
    ];
    for (const [clientId, username, password] of attempts) {
      const client = await RawClient.open(rig.ingress.port);
      client.send(connectPacket({ clientId, username, password: Buffer.from(password) }));
      await client.closed();
      expect(client.returnCode).toBe(4);
    }
    expect(rig.refusals).toEqual(attempts.map(() => "connect AUTH"));
    expect(rig.log.join("")).not.toContain(member.secret.toString("base64url"));
    expect(rig.ingress.sessions).toBe(0);
  });

  it("tells a revoked client that it is, if it knows the secret", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    rig.fleet.revoke(member.login);
    await expect(rig.connect(member)).rejects.toMatchObject({ code: "REVOKED" });
    const stranger = { ...member, secret: randomBytes(32) };
    await expect(rig.connect(stranger)).rejects.toMatchObject({ code: "AUTH" });
    expect(rig.refusals).toEqual(["connect REVOKED", "connect AUTH"]);
  });
});

describe("a registration", () => {
  it("is refused with a code, and the others go on", async () => {
    const rig = await IngressRig.start();
    // Three grants are an allowance of three computations at once: reg 1, 3 and 5 need one each.
    const member = rig.fleet.enrol("sensor", [TOPIC, OTHER, "weather/third"]);
    const device = await rig.connect(member);
    expect(await device.register(1, "weather/elsewhere")).toBe("refused NO_GRANT");
    expect(await device.register(2, TOPIC, 9)).toBe("refused EPOCH");
    await device.publish("reg", 3, Buffer.from([0, 0, 0, EPOCH, 1, 2, 3]));
    await device.publish("reg", 4, Buffer.from([0]));
    await until(() => device.said(3).length + device.said(4).length === 2);
    expect([device.said(3), device.said(4)]).toEqual([
      ["refused BAD_TOKEN"],
      ["refused BAD_TOKEN"],
    ]);
    expect(await device.register(5, TOPIC)).toBe("ok");
    expect(rig.refusals.toSorted()).toEqual([
      ...["reg BAD_TOKEN", "reg BAD_TOKEN", "reg EPOCH", "reg NO_GRANT"],
    ]);
    expect(rig.topicsMade).toEqual([kafkaTopicOf(rig.fleet.tag(TOPIC))]);
    expect(await rig.metric("veilmq_refusals_total")).toBe(4);
  });

  it("needs `pub`, a grant in force, a certificate, and any grant at all", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC], ["sub"]);
    const device = await rig.connect(member);
    expect(await device.register(1, TOPIC)).toBe("refused NO_GRANT");
    rig.fleet.change(member.login, { grants: rig.fleet.grants([TOPIC], ["pub"], rig.nowMs) });
    expect(await device.register(1, TOPIC)).toBe("refused NO_GRANT");
    rig.fleet.change(member.login, { grants: rig.fleet.grants([TOPIC]), cert: null });
    expect(await device.register(1, TOPIC)).toBe("refused NO_GRANT");
    rig.fleet.change(member.login, { cert: Buffer.from("certificate") });
    expect(await device.register(1, TOPIC)).toBe("ok");
    rig.fleet.change(member.login, { grants: new Map() });
    expect(await device.register(2, TOPIC)).toBe("refused NO_GRANT");
  });

  it("is answered again when it is asked again, and ends the connection when it names another topic", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC, OTHER]));
    expect(await device.register(1, TOPIC)).toBe("ok");
    expect(await device.register(1, TOPIC)).toBe("ok");
    device.publish("reg", 1, device.registration(OTHER)).catch(() => undefined);
    expect((await device.connection.closed).code).toBe("DISCONNECTED");
  });

  it("answers LIMIT when too many new topics are asked for", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    expect(await device.register(1, TOPIC)).toBe("ok");
    const answers = await Promise.all(
      [2, 3, 4].map((alias) => device.register(alias, `weather/guess-${alias}`)),
    );
    expect(answers).toContain("refused LIMIT");
    expect(await device.register(9, TOPIC)).toBe("ok");
  });

  it("gets no answer while Kafka cannot make the topic, and LIMIT when it never will", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    rig.topicTrouble = new VeilError("UNAVAILABLE", "away");
    await device.publish("reg", 1, device.registration(TOPIC));
    await quiet();
    expect(device.acks).toEqual([]);
    rig.topicTrouble = new VeilError("CONFIG", "the topic's number of partitions was changed");
    expect(await device.register(1, TOPIC)).toBe("refused LIMIT");
    rig.topicTrouble = undefined;
    expect(await device.register(1, TOPIC)).toBe("ok");
  });
});

describe("what ends a connection without a PUBACK", () => {
  it.each(["key", "rec"] as const)("a `%s` before its alias is accepted", async (kind) => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    device.announcement(1, TOPIC);
    const published = device.publish(kind, 1, device.record(1, 0));
    await expect(published).rejects.toMatchObject({ code: "DISCONNECTED" });
    expect(rig.kafka.log.size).toBe(0);
    expect(rig.refusals).toEqual([`${kind} BAD_ARGUMENT`]);
  });

  it("another topic", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    await expect(device.connection.publish("v1/ack", Buffer.from("x"))).rejects.toMatchObject({
      code: "DISCONNECTED",
    });
  });
});

describe("an announcement", () => {
  const wrong: [string, string, (device: Device, rig: IngressRig) => Buffer][] = [
    [
      "names another producer",
      "BAD_RECORD",
      (d) => d.announcement(1, TOPIC, { producerId: "you" }),
    ],
    ["is of an unknown epoch", "EPOCH", (d) => d.announcement(1, TOPIC, { epoch: 9 })],
    ["is garbled", "BAD_RECORD", (d) => d.announcement(1, TOPIC).subarray(1)],
    [
      "is signed by another key",
      "BAD_RECORD",
      (d, rig) => {
        const signingKey = createPublicKey(importSigningKey(generateSigningKey().seed));
        rig.fleet.change(d.member.login, { signingKey });
        return d.announcement(1, TOPIC);
      },
    ],
  ];

  it.each(wrong)("is refused when it %s", async (_, code, make) => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    await device.register(1, TOPIC);
    await expect(device.publish("key", 1, make(device, rig))).rejects.toMatchObject({
      code: "DISCONNECTED",
    });
    expect(device.said(1)).toEqual(["ok", `refused ${code}`]);
    expect(rig.registry.entries.size).toBe(0);
    expect(rig.refusals).toEqual([`key ${code}`]);
  });

  it("is refused when its W is no element", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    const role = {
      ...member.role,
      wrap: () => ({ ikm: Buffer.alloc(256, 1), wrapped: Buffer.alloc(256, 0xff) }),
      token: (topic: string) => member.role.token(topic),
    };
    const device = await rig.connect({ ...member, role });
    await device.register(1, TOPIC);
    await expect(device.announce(1, TOPIC)).rejects.toMatchObject({ code: "DISCONNECTED" });
    expect(device.said(1)).toEqual(["ok", "refused BAD_RECORD"]);
  });
});

describe("a record that is refused for good", () => {
  it("is named, after the PUBACKs before it, and nothing after it is taken", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    await device.open(1, TOPIC);
    const bad = device.record(1, 1);
    bad[0] = 0;
    const results = await Promise.allSettled([
      device.send(1, 0),
      device.publish("rec", 1, bad),
      device.send(1, 2),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(device.acks.at(-1)).toMatchObject({
      alias: 1,
      status: "refused",
      code: "BAD_RECORD",
      kid: device.keys.get(1)?.kid,
      seq: "1",
    });
    expect([...rig.kafka.log.values()].flat().length).toBe(1);
    expect(rig.refusals).toEqual(["rec BAD_RECORD"]);
  });

  it("takes along what was published after it while the registry was being asked", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    const first = await rig.connect(member);
    await first.open(1, TOPIC);
    const [announced, later] = [first.record(1, 0), first.record(1, 2)];
    first.announcement(1, TOPIC);
    const unannounced = first.record(1, 1);
    const second = await rig.connect(member);
    await second.register(1, TOPIC);
    rig.kafka.outcome = () => "lost";
    const records = [announced, unannounced, later];
    const sending = Promise.allSettled(records.map((record) => second.publish("rec", 1, record)));
    await until(() => rig.refusals.length === 1);
    await quiet(50);
    rig.kafka.outcome = () => "ok";
    const results = await sending;
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect([...rig.kafka.log.values()].flat()).toEqual([announced.toString()]);
    expect(rig.refusals).toEqual(["rec BAD_RECORD"]);
  });

  it("was sealed with a key that was announced under another topic, or never", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC, OTHER]);
    const device = await rig.connect(member);
    await device.open(1, TOPIC);
    await device.register(2, OTHER);
    await expect(device.publish("rec", 2, device.record(1, 0))).rejects.toThrow();
    expect(device.said(2)).toEqual(["ok", "refused BAD_RECORD"]);
    const other = await rig.connect(rig.fleet.enrol("twin", [TOPIC]));
    await other.register(1, TOPIC);
    await expect(other.publish("rec", 1, device.record(1, 0))).rejects.toThrow();
    expect(other.said(1)).toEqual(["ok", "refused BAD_RECORD"]);
  });

  it("is not signed although the client's are", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    rig.fleet.change(member.login, { signs: true });
    const device = await rig.connect(member);
    await device.open(1, TOPIC);
    await expect(device.send(1, 0)).rejects.toThrow();
    expect(device.said(1).at(-1)).toBe("refused BAD_RECORD");
  });

  it("is too large for Kafka", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    await device.open(1, TOPIC);
    rig.kafka.outcome = () => "TOO_LARGE";
    await expect(device.send(1, 5)).rejects.toThrow();
    expect(device.acks.at(-1)).toMatchObject({ code: "TOO_LARGE", seq: "5" });
  });

  it("ends with its grant, which speaks of the topic and not of the record", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    rig.fleet.change(member.login, {
      grants: rig.fleet.grants([TOPIC], ["pub"], rig.nowMs + 1000),
    });
    const device = await rig.connect(member);
    await device.open(1, TOPIC);
    await device.send(1, 0);
    rig.nowMs += 1000;
    await expect(device.send(1, 1)).rejects.toThrow();
    expect(device.acks.at(-1)).toMatchObject({ alias: 1, status: "refused", code: "NO_GRANT" });
    expect(device.acks.at(-1)).not.toHaveProperty("kid");
  });

  it("makes the topic again when Kafka has lost it", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    const device = await rig.connect(member);
    await device.open(1, TOPIC);
    rig.kafka.outcome = () => "NOT_FOUND";
    await expect(device.send(1, 0)).rejects.toMatchObject({ code: "DISCONNECTED" });
    rig.kafka.outcome = () => "ok";
    const again = await rig.connect(member);
    await again.register(1, TOPIC);
    expect(rig.topicsMade.length).toBe(2);
    await again.publish("rec", 1, device.record(1, 0));
  });
});

describe("a change of documents", () => {
  it("revocation closes the session at once and drops what is not written", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    const device = await rig.connect(member);
    await device.open(1, TOPIC);
    rig.kafka.outcome = () => "lost";
    const sending = Promise.allSettled([device.send(1, 0)]);
    await until(() => rig.writer.queued === 1);
    const started = performance.now();
    rig.fleet.revoke(member.login);
    await device.connection.closed;
    expect(performance.now() - started).toBeLessThan(5000);
    await sending;
    expect(rig.writer.queued).toBe(0);
    await expect(rig.connect(member)).rejects.toMatchObject({ code: "REVOKED" });
  });

  it("a new secret ends the session of the old one", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    const device = await rig.connect(member);
    rig.fleet.change(member.login, { authHash: randomBytes(32) });
    expect((await device.connection.closed).code).toBe("DISCONNECTED");
  });

  it("grants: open aliases are judged again, the others go on", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC, OTHER]);
    const device = await rig.connect(member);
    await device.open(1, TOPIC);
    await device.open(2, OTHER);
    rig.fleet.change(member.login, { grants: rig.fleet.grants([OTHER]) });
    await until(() => device.said(1).length === 2);
    expect(device.said(1)).toEqual(["ok", "refused NO_GRANT"]);
    await device.send(2, 0);
    expect(device.said(2)).toEqual(["ok"]);
    await expect(device.send(1, 0)).rejects.toMatchObject({ code: "DISCONNECTED" });
  });

  it("epochs and partitions: aliases that no longer hold are withdrawn", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC, OTHER]));
    await device.open(1, TOPIC);
    rig.fleet.changeTenant({ kafka: { ...rig.fleet.only.kafka, partitions: 2 } });
    await until(() => device.said(1).length === 2);
    expect(device.said(1)).toEqual(["ok", "refused LIMIT"]);
    await device.open(2, OTHER);
    rig.fleet.changeTenant({ epochs: new Map() });
    await until(() => device.said(2).length === 2);
    expect(device.said(2)).toEqual(["ok", "refused EPOCH"]);
  });

  it("a consumer that loses a tag: every producer of it is told to rekey, once", async () => {
    const rig = await IngressRig.start();
    const reader = rig.fleet.enrol("reader", [TOPIC, OTHER], ["sub"]);
    const member = rig.fleet.enrol("sensor", [TOPIC, OTHER], ["pub"]);
    const device = await rig.connect(member);
    await device.open(1, TOPIC);
    await device.open(2, OTHER);
    rig.fleet.change(reader.login, { grants: rig.fleet.grants([OTHER], ["sub"]) });
    await until(() => device.said(1).length === 2);
    expect([device.said(1), device.said(2)]).toEqual([["ok", "rekey"], ["ok"]]);
    rig.fleet.revoke(reader.login);
    await until(() => device.said(2).length === 2);
    expect([device.said(1), device.said(2)]).toEqual([
      ["ok", "rekey"],
      ["ok", "rekey"],
    ]);
  });

  it("a producer that was not there is told each time it registers, until it has made a new key", async () => {
    const rig = await IngressRig.start();
    const reader = rig.fleet.enrol("reader", [TOPIC], ["sub"]);
    const member = rig.fleet.enrol("sensor", [TOPIC], ["pub"]);
    const before = await rig.connect(member);
    await before.open(1, TOPIC);
    const old = [...rig.registry.entries.values()][0]?.announcement;
    if (!old) throw new Error("nothing was announced");
    await before.connection.close();
    await until(() => rig.ingress.sessions === 0);
    rig.fleet.revoke(reader.login);
    // It may never hear of it: what is pushed to a dead connection is gone.
    for (const _time of [1, 2]) {
      const device = await rig.connect(member);
      await device.register(1, TOPIC);
      await until(() => device.said(1).length === 2);
      expect(device.said(1)).toEqual(["ok", "rekey"]);
      // A key from before the loss, announced again, is no new one.
      await device.publish("key", 1, old);
    }
    const device = await rig.connect(member);
    await device.open(1, TOPIC);
    const again = await rig.connect(member);
    await again.register(1, TOPIC);
    await quiet(50);
    expect(again.said(1)).toEqual(["ok"]);
  });

  it("a key that is announced while a consumer loses the tag does not count", async () => {
    const rig = await IngressRig.start();
    const reader = rig.fleet.enrol("reader", [TOPIC], ["sub"]);
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC], ["pub"]));
    await device.register(1, TOPIC);
    rig.registry.isAway = true;
    const announcing = device.announce(1, TOPIC);
    await until(() => rig.registry.attempts > 0);
    rig.fleet.revoke(reader.login);
    rig.registry.isAway = false;
    await announcing;
    const again = await rig.connect(device.member);
    await again.register(1, TOPIC);
    await until(() => again.said(1).length === 2);
    expect(again.said(1)).toEqual(["ok", "rekey"]);
  });

  it("other bridges hear of a loss, and those that start later", async () => {
    const here = await IngressRig.start();
    const { fleet, losses } = here;
    const reader = fleet.enrol("reader", [TOPIC], ["sub"]);
    const member = fleet.enrol("sensor", [TOPIC], ["pub"]);
    // Another fleet: this bridge hears of the change from the first one alone.
    const there = await IngressRig.start({ losses });
    const twin = there.fleet.enrol("sensor", [TOPIC], ["pub"]);
    const device = await there.connect(twin);
    await device.register(1, TOPIC);
    fleet.revoke(reader.login);
    await until(() => device.said(1).length === 2);
    expect(device.said(1)).toEqual(["ok", "rekey"]);
    await here.stop();

    const restarted = await IngressRig.start({ fleet, losses });
    const late = await restarted.connect(member);
    await late.register(1, TOPIC);
    await until(() => late.said(1).length === 2);
    expect(late.said(1)).toEqual(["ok", "rekey"]);
  });
});

describe("stop and takeover", () => {
  it("a second connection takes over, and the first one's records are dropped", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    const first = await rig.connect(member);
    await first.open(1, TOPIC);
    rig.kafka.outcome = () => "lost";
    const sending = Promise.allSettled([first.send(1, 0), first.send(1, 1)]);
    await until(() => rig.writer.queued === 2);
    const second = await rig.connect(member);
    await sending;
    expect(rig.writer.queued).toBe(0);
    rig.kafka.outcome = () => "ok";
    await second.register(1, TOPIC);
    await second.publish("rec", 1, first.record(1, 0));
    expect(rig.ingress.sessions).toBe(1);
  });

  it("stop acknowledges what Kafka still takes, then closes", async () => {
    const rig = await IngressRig.start();
    const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
    await device.open(1, TOPIC);
    rig.kafka.outcome = () => "lost";
    const sending = device.send(1, 0);
    await until(() => rig.writer.queued === 1);
    const stopping = rig.ingress.stop();
    await quiet(50);
    rig.kafka.outcome = () => "ok";
    await Promise.all([sending, stopping]);
    expect((await device.connection.closed).code).toBe("DISCONNECTED");
  });

  it("a client id in another's name gets nothing", async () => {
    const rig = await IngressRig.start();
    const member = rig.fleet.enrol("sensor", [TOPIC]);
    const device = await rig.connect(member);
    const thief = await RawClient.open(rig.ingress.port);
    const clientId = formatLogin(member.login);
    thief.send(connectPacket({ clientId, username: clientId, password: Buffer.from("x") }));
    await thief.closed();
    expect(await device.register(1, TOPIC)).toBe("ok");
  });
});

it("never writes a topic's name, a token or a key to the log", async () => {
  const rig = await IngressRig.start();
  const device = await rig.connect(rig.fleet.enrol("sensor", [TOPIC]));
  await device.open(1, TOPIC);
  await device.register(2, "weather/elsewhere");
  await expect(device.publish("rec", 1, Buffer.from("secret reading"))).rejects.toThrow();
  const log = rig.log.join("");
  expect(log).toContain("refused");
  for (const secret of [TOPIC, "elsewhere", "secret reading", device.member.role.token(TOPIC)])
    for (const encoding of ["utf8", "hex", "base64url"] as const)
      expect(log).not.toContain(Buffer.from(secret).toString(encoding));
});
