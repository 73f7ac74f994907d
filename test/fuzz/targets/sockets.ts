/**
 * What strangers send to the bridge's listeners, byte for byte over real sockets: the server has to come to an end with
 * each of them, whatever it says, once they have said it.
 */
import { connect } from "node:net";
import { generate } from "mqtt-packet";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Listener } from "../../../bridge/http/listener.ts";
import { authenticate } from "../../../bridge/http/login.ts";
import { HttpMetrics } from "../../../bridge/http/metrics.ts";
import { startMqttServer } from "../../../core/ports/mqtt/server.ts";
import { parseJson } from "../../../core/wire/fields.ts";
import { matchRequestSchema } from "../../../core/wire/http.ts";
import type { Target } from "../target.ts";

const HOST = "127.0.0.1";
const CLOCK_MS = 200;
const log = pino({ level: "silent" });

interface Running {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** A server that is started when it is first asked for. */
class Lazy {
  readonly #start: () => Promise<Running>;
  #running: Promise<Running> | undefined;

  constructor(start: () => Promise<Running>) {
    this.#start = start;
  }

  /** Says `bytes`, hangs up, and waits for the server to do so, too. */
  async say(bytes: Buffer): Promise<void> {
    this.#running ??= this.#start();
    const { port } = await this.#running;
    const socket = connect({ host: HOST, port, noDelay: true });
    socket.on("error", () => undefined);
    socket.resume();
    socket.end(bytes);
    await new Promise((resolve) => socket.once("close", resolve));
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await (await running)?.stop();
  }
}

const mqtt = new Lazy(async () => {
  const server = await startMqttServer({
    host: HOST,
    port: 0,
    log,
    authenticate: ({ clientId }) =>
      clientId.endsWith("@acme")
        ? { accepted: true }
        : { accepted: false, answer: "badCredentials", reason: "wrong" },
    onConnect: (session) => session,
    onReady: (session) =>
      void session.push({ topic: "v1/ack", payload: Buffer.of(1) }, 0).catch(() => undefined),
    onPublish: (_session, publish) => publish.answer("ack"),
    onClose: () => undefined,
    // Their clocks hold what is left of a connection, ten seconds by default: longer than most runs.
    limits: { connectTimeoutMs: CLOCK_MS, drainTimeoutMs: CLOCK_MS },
  });
  return { port: server.port, stop: () => server.stop(0) };
});

const SECRET = Buffer.alloc(32, 7);
const NOBODY = { client: () => null };

const http = new Lazy(async () => {
  const listener = new Listener({
    metrics: new HttpMetrics(new Registry()),
    refusals: { note: () => undefined },
    log,
  });
  listener.app.post("/v1/match", async (request) => {
    authenticate(request.headers.authorization, NOBODY);
    return {};
  });
  listener.app.post("/v1/open", async ({ body }) =>
    parseJson(body instanceof Uint8Array ? body : Buffer.alloc(0), matchRequestSchema),
  );
  listener.app.delete("/v1/mail/:number", async () => ({}));
  const port = await listener.listen({ host: HOST, port: 0 });
  return { port, stop: () => listener.stop() };
});

const hello = generate({
  ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 30 },
  ...{ clientId: "pump@acme", username: "pump@acme", password: Buffer.from("secret") },
});
const publish = (change: object = {}): Buffer =>
  generate({
    ...{ cmd: "publish", topic: "v1/rec/1", payload: Buffer.alloc(90, 1), qos: 1 },
    ...{ dup: false, retain: false, messageId: 5, ...change },
  });
const subscribe = generate({
  ...{ cmd: "subscribe", messageId: 9 },
  subscriptions: [{ topic: "#", qos: 1 }],
});
const session = Buffer.concat([
  hello,
  publish(),
  publish({ topic: "v1/reg/1", messageId: 6 }),
  generate({ cmd: "pingreq" }),
  subscribe,
  generate({ cmd: "unsubscribe", messageId: 10, unsubscriptions: ["#"] }),
  generate({ cmd: "puback", messageId: 1 }),
  generate({ cmd: "disconnect" }),
]);

function request(line: string, body = "", more: readonly string[] = []): Buffer {
  const basic = Buffer.from(`pump@acme:${SECRET.toString("base64url")}`).toString("base64");
  const head = [
    line,
    "host: bridge",
    "content-type: application/json",
    `content-length: ${body.length}`,
    `authorization: Basic ${basic}`,
    ...more,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

const question = JSON.stringify({ epoch: 1, trapdoor: SECRET.toString("base64url") });

/** A connection each: a thousand times what a decoder takes. */
const SHARE = 0.05;

export const socketTargets: readonly Target[] = [
  {
    name: "mqtt-connection",
    samples: [
      session,
      Buffer.concat([hello, publish({ qos: 2 })]),
      Buffer.concat([hello, publish({ retain: true })]),
      generate({
        ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: false, keepalive: 30 },
        ...{
          clientId: "pump@acme",
          will: { topic: "t", payload: Buffer.from("x"), qos: 1 as const, retain: true },
        },
      }),
    ],
    run: (input) => mqtt.say(input),
    stop: () => mqtt.stop(),
    share: SHARE,
  },
  {
    name: "http-request",
    samples: [
      request("POST /v1/match HTTP/1.1", question),
      request("POST /v1/open HTTP/1.1", question, ["expect: 100-continue"]),
      request("DELETE /v1/mail/7 HTTP/1.1"),
      Buffer.from(
        `POST /v1/open HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n`,
      ),
    ],
    run: (input) => http.say(input),
    stop: () => http.stop(),
    share: SHARE,
  },
];
