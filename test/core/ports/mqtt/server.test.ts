import { describe, expect, it } from "vitest";
import { testCertificate } from "../../../support/certificate/certificate.ts";
import { until } from "../../../support/until.ts";
import { connectPacket, publishPacket, quiet, RawClient } from "./raw-client.ts";
import { startRig } from "./server-rig.ts";

describe("CONNECT", () => {
  it("lets a client in and tells of it", async () => {
    const { port, sessions, server } = await startRig();
    const client = await RawClient.login(port);
    expect(client.returnCode).toBe(0);
    expect(sessions.map(({ clientId }) => clientId)).toEqual(["sensor@acme"]);
    expect(server.sessions).toBe(1);
    expect(server.session("sensor@acme")).toBe(sessions[0]);
  });

  it.each([
    ["a wrong password", { password: Buffer.from("guess") }, 4, "login"],
    ["a will", { will: { topic: "t", payload: "x", qos: 1, retain: false } }, 2, "will"],
    ["an unclean session", { clean: false }, 2, "unclean-session"],
    ["MQTT 3.1", { protocolId: "MQIsdp", protocolVersion: 3 }, 2, "protocol"],
    ["MQTT 5", { protocolVersion: 5, properties: {} }, 1, "protocol"],
    ["no keepalive", { keepalive: 0 }, undefined, "keepalive"],
    ["a keepalive of hours", { keepalive: 7200 }, undefined, "keepalive"],
  ])("refuses %s, once", async (_, overrides, code, refusal) => {
    const { port, sessions, refusals, log } = await startRig();
    const client = await RawClient.open(port);
    client.send(connectPacket(overrides));
    await client.closed();
    if (code !== undefined) expect(client.returnCode).toBe(code);
    expect(refusals).toEqual([refusal]);
    expect(sessions).toEqual([]);
    // Of a login, who authenticates says why: one line, not two.
    if (refusal === "login") expect(log.join("")).toBe("");
    else expect(log.join("")).toContain(`"refusal":"${refusal}"`);
    expect(log.join("")).not.toContain("guess");
  });

  it("closes a connection that does not say CONNECT in time, also when it trickles", async () => {
    const { port, refusals } = await startRig({ limits: { connectTimeoutMs: 200 } });
    const silent = await RawClient.open(port);
    const slow = await RawClient.open(port);
    const bytes = connectPacket();
    for (let at = 0; at < 8; at++) {
      slow.send(bytes.subarray(at, at + 1));
      await quiet(40);
    }
    await silent.closed();
    await slow.closed();
    expect(refusals).toEqual(["connect-timeout", "connect-timeout"]);
  });

  it("refuses plain TCP off loopback unless it is asked for by name", async () => {
    await expect(startRig({ host: "0.0.0.0" })).rejects.toThrow("TLS");
    const { port } = await startRig({ host: "0.0.0.0", allowPlaintext: true });
    expect((await RawClient.login(port)).returnCode).toBe(0);
  });

  it("has room for so many connections only", async () => {
    const { port, refusals } = await startRig({ limits: { maxConnections: 2 } });
    await RawClient.login(port);
    await RawClient.login(port, "other@acme");
    const third = await RawClient.open(port);
    await third.closed();
    expect(refusals).toEqual(["too-many-connections"]);
  });
});

describe("packets that are too large", () => {
  it("closes before authentication, when the size is claimed and before it is sent", async () => {
    const { port, refusals } = await startRig();
    const client = await RawClient.open(port);
    client.send(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await client.closed();
    expect(refusals).toEqual(["packet-size"]);
  });

  it("closes before authentication on whatever follows CONNECT", async () => {
    const { port, held, refusals } = await startRig();
    const client = await RawClient.open(port);
    const large = publishPacket({ topic: "v1/rec/1", payload: Buffer.alloc(5000) });
    client.send(Buffer.concat([connectPacket(), large]));
    await client.closed();
    expect(refusals).toEqual(["packet-size"]);
    expect(held).toEqual([]);
  });

  it("takes a publish up to the limit, and closes above it", async () => {
    const { port, held, refusals } = await startRig({ limits: { maxPayloadBytes: 10_000 } });
    const client = await RawClient.login(port);
    client.publish("v1/rec/65535", Buffer.alloc(10_000), 1);
    await until(() => held.length === 1);
    expect(held[0]?.message.payload.length).toBe(10_000);
    client.publish("v1/rec/65535", Buffer.alloc(10_100), 2);
    await client.closed();
    expect(refusals).toEqual(["packet-size"]);
  });

  it("closes a client that does not begin with CONNECT, and one that talks nonsense", async () => {
    const { port, refusals } = await startRig();
    const first = await RawClient.open(port);
    first.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    await first.closed();
    const second = await RawClient.open(port);
    second.send(Buffer.from([0x10, 0x04, 0, 9, 9, 9]));
    await second.closed();
    expect(refusals).toEqual(["not-connect", "malformed"]);
  });
});

describe("what is no QoS 1 publish", () => {
  it.each([
    ["QoS 0", { qos: 0 as const }, "qos"],
    ["QoS 2", { qos: 2 as const }, "qos"],
    ["a retained message", { retain: true }, "retained"],
  ])("closes on %s without an answer", async (_, options, refusal) => {
    const { port, held, refusals, closed } = await startRig();
    const client = await RawClient.login(port);
    client.send(publishPacket({ topic: "v1/rec/1", payload: "x", ...options }));
    await client.closed();
    expect(refusals).toEqual([refusal]);
    expect(held).toEqual([]);
    expect(client.packets.map(({ cmd }) => cmd)).toEqual(["connack"]);
    expect(closed).toEqual([{ clientId: "sensor@acme", reason: refusal }]);
  });

  it("denies subscriptions, logs the first, and goes on", async () => {
    const { port, refusals } = await startRig({ autoAck: true });
    const client = await RawClient.login(port);
    const subscribe = Buffer.from([0x82, 0x06, 0, 7, 0, 1, 0x23, 1]);
    client.send(Buffer.concat([subscribe, subscribe]));
    await until(() => client.packets.length === 3);
    expect(client.packets[1]).toMatchObject({ cmd: "suback", messageId: 7, granted: [128] });
    client.publish("v1/rec/1", "x", 1);
    await until(() => client.pubacks.length === 1);
    expect(refusals).toEqual(["subscribe"]);
    expect(client.pushes).toEqual([]);
  });
});

describe("PUBACK", () => {
  it("leaves when the verdict is in, in publish order although handlers finish out of order", async () => {
    const elapsed: number[] = [];
    const times = { observe: (ms: number) => elapsed.push(ms) };
    const { port, held } = await startRig();
    const client = await RawClient.login(port);
    const publishes = [11, 12, 13, 14].map((messageId) =>
      publishPacket({ topic: "v1/rec/1", payload: `r${messageId}`, messageId }),
    );
    client.send(Buffer.concat(publishes));
    await until(() => held.length === 4);
    expect(held.map(({ message }) => message.payload.toString())).toEqual([
      ...["r11", "r12", "r13", "r14"],
    ]);
    held[3]?.answer("ack", times);
    held[1]?.answer("ack", times);
    await quiet();
    expect(client.pubacks).toEqual([]);
    held[0]?.answer("ack", times);
    await until(() => client.pubacks.length === 2);
    held[2]?.answer("ack", times);
    await until(() => client.pubacks.length === 4);
    expect(client.pubacks).toEqual([11, 12, 13, 14]);
    expect(elapsed.every((ms) => ms > 0)).toBe(true);
    expect(elapsed.length).toBe(4);
  });

  it("is waited for without the payload of what has its verdict", async () => {
    const { port, held } = await startRig();
    const client = await RawClient.login(port);
    client.publish("v1/rec/1", "first", 1);
    client.publish("v1/rec/1", "second", 2);
    await until(() => held.length === 2);
    held[1]?.answer("ack");
    expect(held.map(({ publish }) => publish.payload.toString())).toEqual(["first", ""]);
    held[0]?.answer("ack");
    await until(() => client.pubacks.length === 2);
  });

  it("is withheld and the connection closed when a handler fails", async () => {
    const { port, closed } = await startRig({
      onPublish: () => {
        throw new Error("boom");
      },
    });
    const client = await RawClient.login(port);
    client.publish("v1/rec/1", "x", 1);
    await client.closed();
    expect(client.pubacks).toEqual([]);
    expect(closed.length).toBe(1);
  });

  it("answers PINGREQ while one publish waits", async () => {
    const { port, held } = await startRig();
    const client = await RawClient.login(port);
    client.publish("v1/rec/1", "x", 1);
    await until(() => held.length === 1);
    for (let ping = 1; ping <= 3; ping++) {
      client.send(Buffer.from([0xc0, 0]));
      await until(() => client.packets.filter(({ cmd }) => cmd === "pingresp").length === ping);
    }
    expect(client.pubacks).toEqual([]);
  });

  it("closes a client that publishes more without waiting than it may", async () => {
    const { port, held, refusals } = await startRig({ limits: { maxUnacknowledged: 20 } });
    const client = await RawClient.login(port);
    const publishes = Array.from({ length: 21 }, (_, i) =>
      publishPacket({ topic: "v1/rec/1", payload: "x", messageId: i + 1 }),
    );
    client.send(Buffer.concat(publishes));
    await client.closed();
    expect(held.length).toBe(20);
    expect(refusals).toEqual(["unacknowledged"]);
  });
});

describe("a farewell", () => {
  it("is pushed after the PUBACKs before it, then the connection ends without its PUBACK", async () => {
    const { port, held, closed } = await startRig();
    const client = await RawClient.login(port);
    for (const messageId of [1, 2, 3]) client.publish("v1/rec/1", "x", messageId);
    await until(() => held.length === 3);
    const message = { topic: "v1/ack", payload: Buffer.from("goodbye") };
    held[1]?.answer({ reason: "refused", message });
    held[2]?.answer("ack");
    await quiet();
    expect(client.isClosed).toBe(false);
    held[0]?.answer("ack");
    await client.closed();
    expect(client.pubacks).toEqual([1]);
    expect(client.pushes).toEqual(["goodbye"]);
    expect(closed).toEqual([{ clientId: "sensor@acme", reason: "refused" }]);
  });

  it("arrives although the client goes on sending", async () => {
    const { port, held } = await startRig();
    const client = await RawClient.login(port);
    client.publish("v1/rec/1", "x", 1);
    await until(() => held.length === 1);
    for (let messageId = 2; messageId < 100; messageId++)
      client.publish("v1/rec/1", Buffer.alloc(5000), messageId);
    held[0]?.answer({ reason: "no", message: { topic: "v1/ack", payload: Buffer.from("bye") } });
    client.publish("v1/rec/1", Buffer.alloc(60_000), 100);
    await client.closed();
    expect(client.pushes).toEqual(["bye"]);
    expect(client.pubacks).toEqual([]);
  });

  it("arrives whole although the client reads late and has sent what nobody reads", async () => {
    const { port, held, server } = await startRig();
    const client = await RawClient.login(port);
    const publish = publishPacket({ topic: "v1/rec/1", payload: "x" });
    client.send(Buffer.concat([publish, publish, publish, publish, publish]));
    await until(() => held.length === 5);
    client.socket.pause();
    client.publish("v1/rec/1", Buffer.alloc(60_000), 2);
    client.publish("v1/rec/1", Buffer.alloc(60_000), 3);
    const payload = Buffer.alloc(600_000, "x");
    held[0]?.answer({ reason: "no", message: { topic: "v1/ack", payload } });
    await quiet(100);
    client.publish("v1/rec/1", "late", 4);
    await quiet(100);
    client.socket.resume();
    await client.closed();
    expect(client.pushes.map(({ length }) => length)).toEqual([payload.length]);
    const started = performance.now();
    await server.stop(0);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("a session", () => {
  it("is taken over by a second connection with the same id, its pending completions void", async () => {
    const { port, held, sessions, closed, server } = await startRig();
    const first = await RawClient.login(port);
    first.publish("v1/rec/1", "old", 1);
    await until(() => held.length === 1);
    const second = await RawClient.login(port);
    expect(second.returnCode).toBe(0);
    await first.closed();
    expect(closed).toEqual([
      { clientId: "sensor@acme", reason: "taken over by another connection" },
    ]);
    held[0]?.answer("ack");
    second.publish("v1/rec/1", "new", 1);
    await until(() => held.length === 2);
    await quiet();
    expect([first.pubacks, second.pubacks]).toEqual([[], []]);
    held[1]?.answer("ack");
    await until(() => second.pubacks.length === 1);
    expect(server.session("sensor@acme")).toBe(sessions[1]);
    await expect(sessions[0]?.push(hello(), 0)).rejects.toThrow("not connected");
  });

  it("is not touched by a second connection with a wrong password", async () => {
    const { port, closed } = await startRig({ autoAck: true });
    const first = await RawClient.login(port);
    const second = await RawClient.login(port, "sensor@acme", "guess");
    await second.closed();
    first.publish("v1/rec/1", "x", 1);
    await until(() => first.pubacks.length === 1);
    expect(closed).toEqual([]);
  });

  it("is pushed to without a subscription, in order, QoS 0 and 1", async () => {
    const { port, sessions } = await startRig();
    const client = await RawClient.login(port);
    await until(() => client.returnCode === 0);
    await sessions[0]?.push(hello("a"), 0);
    const delivered = sessions[0]?.push(hello("b"), 1);
    await until(() => client.pushes.length === 2);
    client.acknowledge();
    await delivered;
    expect(client.pushes).toEqual(["a", "b"]);
    expect(client.packets.map((p) => (p.cmd === "publish" ? p.qos : p.cmd))).toEqual([
      ...["connack", 0, 1],
    ]);
  });

  it("is ready when it can hear, and done with a QoS 1 push when it has said so", async () => {
    const { port, ready, sessions } = await startRig();
    const client = await RawClient.login(port);
    await until(() => ready.length === 1);
    expect(ready).toEqual(sessions);
    const states: string[] = [];
    const [session] = sessions;
    const first = session?.push(hello("first"), 1).then(() => states.push("first"));
    await expect(session?.push(hello("second"), 1)).rejects.toMatchObject({ code: "INTERNAL" });
    await until(() => client.pushes.length === 1);
    await quiet(50);
    expect(states).toEqual([]);
    client.acknowledge();
    await first;
    // An acknowledgement of nothing does no harm.
    client.acknowledge();
    await quiet(50);
    const last = session?.push(hello("last"), 1);
    const lost = expect(last).rejects.toMatchObject({ code: "DISCONNECTED" });
    await until(() => client.pushes.length === 2);
    client.socket.destroy();
    await lost;
  });

  it("closes when it is told to, and when the client hangs up, once", async () => {
    const { port, sessions, closed } = await startRig();
    const first = await RawClient.login(port);
    sessions[0]?.close("revoked");
    sessions[0]?.close("again");
    await first.closed();
    const second = await RawClient.login(port);
    second.socket.end();
    await until(() => closed.length === 2);
    await quiet(50);
    expect(closed.map(({ reason }) => reason)).toEqual(["revoked", "the connection closed"]);
  });

  it("ends when the client stops answering its keepalive", async () => {
    const { port, closed } = await startRig();
    const client = await RawClient.open(port);
    client.send(connectPacket({ keepalive: 1 }));
    await client.closed();
    expect(closed).toEqual([{ clientId: "sensor@acme", reason: "keep alive timeout" }]);
  });
});

describe("a client that does not read", () => {
  it("harms nobody else, and is closed", async () => {
    const { port, sessions, refusals } = await startRig({
      autoAck: true,
      limits: { drainTimeoutMs: 300 },
    });
    const frozen = await RawClient.login(port, "frozen@acme");
    frozen.socket.pause();
    const other = await RawClient.login(port, "other@acme");
    const [target] = sessions;
    const results = Array.from({ length: 400 }, () =>
      target?.push({ topic: "v1/mail", payload: Buffer.alloc(100_000) }, 0).catch(() => "gone"),
    );
    for (let messageId = 1; messageId <= 100; messageId++)
      other.publish("v1/rec/1", "x", messageId);
    await until(() => other.pubacks.length === 100);
    expect(await Promise.all(results)).toContain("gone");
    expect(refusals).toEqual(["slow-reader"]);
  });

  it("hears its PUBACKs when it reads again, and what it says after that", async () => {
    const { port, sessions, refusals } = await startRig({ autoAck: true });
    const client = await RawClient.login(port);
    client.socket.pause();
    const pushed = Array.from({ length: 400 }, () =>
      sessions[0]?.push({ topic: "v1/mail", payload: Buffer.alloc(100_000) }, 0),
    );
    await quiet();
    for (const messageId of [1, 2, 3]) client.publish("v1/rec/1", "x", messageId);
    await quiet();
    client.socket.resume();
    await until(() => client.pubacks.length === 3);
    client.publish("v1/rec/1", "x", 4);
    await until(() => client.pubacks.length === 4);
    expect(client.pubacks).toEqual([1, 2, 3, 4]);
    await Promise.all(pushed);
    expect(refusals).toEqual([]);
  });

  it("is closed at once when too much is pushed to it", async () => {
    const { port, sessions, refusals } = await startRig({ limits: { maxUnsentPushes: 10 } });
    await RawClient.login(port);
    const pushes = Array.from({ length: 11 }, () => sessions[0]?.push(hello(), 0));
    const settled = await Promise.allSettled(pushes);
    expect(settled.at(-1)?.status).toBe("rejected");
    expect(refusals).toEqual(["slow-reader"]);
  });
});

describe("who is turned away at the door", () => {
  const busy = { arrive: () => ({ refused: "address-busy" as const }) };

  it("is not answered, and waits for its end: who comes back at once costs more", async () => {
    const { port, refusals } = await startRig(busy);
    const beganMs = performance.now();
    const client = await RawClient.open(port);
    client.send(Buffer.from([0xc0, 0x00]));
    await client.closed();
    expect(performance.now() - beganMs).toBeGreaterThan(900);
    expect(client.packets).toEqual([]);
    expect(refusals).toEqual(["address-busy"]);
  });

  it("does not hold up the end of the server", async () => {
    const { port, server } = await startRig(busy);
    await RawClient.open(port);
    const beganMs = performance.now();
    await server.stop(0);
    expect(performance.now() - beganMs).toBeLessThan(900);
  });
});

describe("the server", () => {
  it("speaks TLS, with the same guard before authentication", async () => {
    const { ca, cert, key } = await testCertificate();
    const { port, held, refusals } = await startRig({ tls: { cert, key }, host: "0.0.0.0" });
    const client = await RawClient.overTls(port, ca);
    client.send(connectPacket());
    await until(() => client.returnCode === 0);
    client.publish("v1/rec/1", "x", 1);
    await until(() => held.length === 1);
    held[0]?.answer("ack");
    await until(() => client.pubacks.length === 1);
    const large = await RawClient.overTls(port, ca);
    large.send(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await large.closed();
    const plain = await RawClient.open(port);
    plain.send(connectPacket());
    await plain.closed();
    expect(refusals).toEqual(["packet-size", "handshake"]);
  });

  it("under pressure reads those who wait for one PUBACK at most, and then everybody", async () => {
    const { port, held, server } = await startRig();
    const stuck = await RawClient.login(port);
    const ofStuck = () => held.filter(({ session }) => session === stuckSession);
    stuck.publish("v1/rec/1", "r1", 1);
    await until(() => held.length === 1);
    const stuckSession = held[0]?.session;
    stuck.publish("v1/rec/1", "r2", 2);
    await until(() => ofStuck().length === 2);
    server.setPressure(true);
    for (let n = 3; n <= 50; n++) stuck.publish("v1/rec/1", `r${n}`, n);
    // Meanwhile another one, who is answered, goes on, and one that waits for a single PUBACK is asked whether it lives.
    const fine = await RawClient.login(port, "fine@acme");
    for (let n = 1; n <= 5; n++) {
      fine.publish("v1/rec/1", `f${n}`, n);
      await until(() => held.length === 2 + n);
      fine.send(Buffer.from([0xc0, 0]));
      await until(() => fine.packets.filter(({ cmd }) => cmd === "pingresp").length === n);
      held.at(-1)?.answer("ack");
      await until(() => fine.pubacks.length === n);
    }
    expect(ofStuck().length).toBe(2);
    server.setPressure(false);
    for (let done = 0; done < 50; done++) {
      await until(() => ofStuck().length > done);
      ofStuck()[done]?.answer("ack");
    }
    await until(() => stuck.pubacks.length === 50);
    expect(ofStuck().map(({ message }) => message.payload.toString())).toEqual(
      Array.from({ length: 50 }, (_, i) => `r${i + 1}`),
    );
  });

  it("goes on under pressure as answers come", async () => {
    const { port, held, server } = await startRig();
    const client = await RawClient.login(port);
    client.publish("v1/rec/1", "r1", 1);
    await until(() => held.length === 1);
    client.publish("v1/rec/1", "r2", 2);
    await until(() => held.length === 2);
    server.setPressure(true);
    client.publish("v1/rec/1", "r3", 3);
    held[0]?.answer("ack");
    await until(() => held.length === 3);
    held[1]?.answer("ack");
    held[2]?.answer("ack");
    await until(() => client.pubacks.length === 3);
  });

  it("waits at its stop for what is pending, up to a deadline", async () => {
    const { port, held, server, closed } = await startRig();
    const client = await RawClient.login(port);
    const stuck = await RawClient.login(port, "stuck@acme");
    client.publish("v1/rec/1", "x", 1);
    stuck.publish("v1/rec/1", "x", 1);
    await until(() => held.length === 2);
    const started = performance.now();
    const stopped = server.stop(2000);
    await quiet(50);
    held.find(({ session }) => session.clientId === "sensor@acme")?.answer("ack");
    await stopped;
    expect(performance.now() - started).toBeGreaterThan(1990);
    await until(() => client.isClosed && stuck.isClosed);
    expect([client.pubacks, stuck.pubacks]).toEqual([[1], []]);
    expect(closed.length).toBe(2);
    await expect(RawClient.open(port)).rejects.toThrow();
  });
});

function hello(text = "hello") {
  return { topic: "v1/ack", payload: Buffer.from(text) };
}
