import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectMqtt, type MqttClientOptions } from "../../../../core/ports/mqtt/client.ts";
import { startMqttServer } from "../../../../core/ports/mqtt/server.ts";
import type {
  MqttAdmission,
  MqttMessage,
  MqttServerOptions,
  MqttSession,
  MqttVerdict,
} from "../../../../core/ports/mqtt/server-types.ts";
import { NEVER } from "../../../../core/runtime/backoff.ts";
import { testCertificate } from "../../../support/certificate/certificate.ts";

const SECRET = randomBytes(32);
const LOGIN = "probe-1@field";
const ACCEPTED: MqttAdmission = { accepted: true };

interface Server311 {
  readonly port: number;
  readonly sessions: MqttSession[];
  readonly received: MqttMessage[];
}

async function startServer(
  options: Partial<MqttServerOptions> & { verdict?: () => Promise<MqttVerdict> } = {},
): Promise<Server311> {
  const { verdict = async () => "ack", ...rest } = options;
  const sessions: MqttSession[] = [];
  const received: MqttMessage[] = [];
  const server = await startMqttServer({
    host: "127.0.0.1",
    port: 0,
    log: pino({ level: "silent" }),
    authenticate: ({ clientId, username, password }) =>
      clientId === LOGIN && username === LOGIN && password === SECRET.toString("base64url")
        ? ACCEPTED
        : { accepted: false, answer: "badCredentials", reason: "test" },
    onConnect: (session) => {
      sessions.push(session);
      return session;
    },
    onPublish: (_session, publish) => {
      received.push({ topic: publish.topic, payload: publish.payload });
      void verdict().then((given) => publish.answer(given));
    },
    onClose: () => undefined,
    ...rest,
  });
  onTestFinished(() => server.stop(0));
  return { port: server.port, sessions, received };
}

function options(port: number, more: Partial<MqttClientOptions> = {}): MqttClientOptions {
  return {
    url: `mqtt://127.0.0.1:${port}`,
    login: LOGIN,
    secret: SECRET,
    signal: NEVER,
    keepaliveS: 30,
    onMessage: () => true,
    ...more,
  };
}

async function connected(port: number, more: Partial<MqttClientOptions> = {}) {
  const connection = await connectMqtt(options(port, more));
  onTestFinished(() => connection.close());
  return connection;
}

/** A TCP server that does what `serve` says and nothing of MQTT. */
async function rawServer(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

describe("publish", () => {
  test("resolves at the PUBACK and not before", async () => {
    let acknowledge: (verdict: MqttVerdict) => void = () => undefined;
    const verdict = new Promise<MqttVerdict>((resolve) => {
      acknowledge = resolve;
    });
    const { port, received } = await startServer({ verdict: () => verdict });
    const connection = await connected(port);
    let isDone = false;
    const published = connection.publish("v1/rec/1", Buffer.from("abc")).then(() => {
      isDone = true;
    });
    await expect.poll(() => received.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(isDone).toBe(false);
    acknowledge("ack");
    await published;
    expect(received).toEqual([{ topic: "v1/rec/1", payload: Buffer.from("abc") }]);
  });

  test("rejects when the connection ends first, and afterwards at once", async () => {
    const { port, sessions, received } = await startServer({
      verdict: () => new Promise(() => undefined),
    });
    const connection = await connected(port);
    const waiting = [1, 2, 3].map((n) => connection.publish(`v1/rec/${n}`, Buffer.from("x")));
    const outcomes = Promise.allSettled(waiting);
    await expect.poll(() => received.length).toBe(3);
    sessions[0]?.close("test");
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "DISCONNECTED" } });
    expect((await connection.closed).code).toBe("DISCONNECTED");
    await expect(connection.publish("v1/rec/4", Buffer.from("x"))).rejects.toMatchObject({
      code: "DISCONNECTED",
    });
  });
});

describe("a connection that ended", () => {
  // mqtt.js connects again after a second, and sends what it still holds before anything else.
  const LONGER_THAN_ITS_PAUSE_MS = 1500;

  test("stays ended: nothing of it is sent again on another", async () => {
    let taken = 0;
    const { port, sessions, received } = await startServer({
      verdict: () => new Promise(() => undefined),
      authenticate: () => {
        taken += 1;
        return ACCEPTED;
      },
    });
    const connection = await connected(port);
    const published = expect(connection.publish("v1/rec/1", Buffer.from("a"))).rejects.toThrow();
    await expect.poll(() => received.length).toBe(1);
    sessions[0]?.close("test");
    await published;
    await new Promise((resolve) => setTimeout(resolve, LONGER_THAN_ITS_PAUSE_MS));
    expect([taken, received.length]).toEqual([1, 1]);
  });
});

describe("messages", () => {
  test("arrive without a subscription; what is not taken gets no PUBACK and blocks nothing", async () => {
    const { port, sessions } = await startServer();
    const seen: string[] = [];
    const connection = await connected(port, {
      onMessage: (topic, payload) => {
        seen.push(`${topic} ${payload}`);
        return topic !== "v1/mail";
      },
    });
    const kept = sessions[0]?.push({ topic: "v1/mail", payload: Buffer.from("kept") }, 1);
    const unacknowledged = expect(kept).rejects.toMatchObject({ code: "DISCONNECTED" });
    await sessions[0]?.push({ topic: "v1/ack", payload: Buffer.from("a") }, 0);
    await expect.poll(() => seen).toEqual(["v1/mail kept", "v1/ack a"]);
    await connection.close();
    await unacknowledged;
  });
});

describe("connecting", () => {
  test("a wrong secret, a revoked client and a bridge that is away are told apart", async () => {
    const { port } = await startServer();
    const wrong = connectMqtt(options(port, { secret: randomBytes(32) }));
    await expect(wrong).rejects.toMatchObject({ code: "AUTH", retryable: false });
    const refusing = await startServer({
      authenticate: () => ({ accepted: false, answer: "notAuthorized", reason: "revoked" }),
    });
    await expect(connectMqtt(options(refusing.port))).rejects.toMatchObject({ code: "REVOKED" });
    await expect(connectMqtt(options(1))).rejects.toMatchObject({
      code: "UNAVAILABLE",
      retryable: true,
    });
  });

  test("a server that hangs up before it answers is unavailable, one that is silent times out", async () => {
    const rude = await rawServer((socket) => socket.destroy());
    await expect(connectMqtt(options(rude))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    const silent = await rawServer(() => undefined);
    await expect(connectMqtt(options(silent, { connectTimeoutMs: 50 }))).rejects.toMatchObject({
      code: "TIMEOUT",
    });
    const noise = await rawServer((socket) => void socket.write(randomBytes(64).fill(0xff)));
    const strange = connectMqtt(options(noise, { connectTimeoutMs: 500 }));
    await expect(strange).rejects.toMatchObject({ retryable: true });
  });

  test("an abort ends it, before and after", async () => {
    const silent = await rawServer(() => undefined);
    const opening = new AbortController();
    const attempt = connectMqtt(options(silent, { signal: opening.signal }));
    opening.abort();
    await expect(attempt).rejects.toMatchObject({ code: "STOPPED" });
    await expect(connectMqtt(options(silent, { signal: opening.signal }))).rejects.toMatchObject({
      code: "STOPPED",
    });
    const { port } = await startServer();
    const open = new AbortController();
    const connection = await connected(port, { signal: open.signal });
    open.abort();
    expect((await connection.closed).code).toBe("STOPPED");
  });

  test("a bridge that falls silent is noticed by the keepalive", async () => {
    const port = await rawServer((socket) => {
      // CONNACK, and never again a byte.
      socket.once("data", () => socket.write(Buffer.from([0x20, 0x02, 0x00, 0x00])));
    });
    const connection = await connected(port, { keepaliveS: 1 });
    expect((await connection.closed).code).toBe("TIMEOUT");
  });
});

describe("TLS", () => {
  test("only the credential's authority is trusted", async () => {
    const { ca, cert, key } = await testCertificate();
    const { port, received } = await startServer({ tls: { cert, key } });
    const url = `mqtts://127.0.0.1:${port}`;
    const connection = await connected(port, { url, ca });
    await connection.publish("v1/rec/1", Buffer.from("x"));
    expect(received.length).toBe(1);
    // A certificate that is its own authority, and not the bridge's.
    await expect(connectMqtt(options(port, { url, ca: cert }))).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("certificate"),
      hint: expect.stringContaining("clock"),
    });
    await expect(connectMqtt(options(port, { url }))).rejects.toMatchObject({
      code: "BAD_CREDENTIAL",
    });
  });
});
