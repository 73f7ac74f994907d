/** What hostile clients do over MQTT, and over TLS before it. */
import { randomBytes } from "node:crypto";
import { connect as connectTls } from "node:tls";
import { generate, type Packet } from "mqtt-packet";
import { pause } from "../../../core/runtime/backoff.ts";
import { encodeRegistration, formatUpstream } from "../../../core/wire/mqtt.ts";
import { FAST_MS, open, overAndOver, pour, settled, trickle } from "./sockets.ts";
import type { Attack, Insider, Target } from "./target.ts";

const STRANGERS = 5;
const SLOW = 1500;
const GREETING_MS = 200;
const WRONG = randomBytes(32).toString("base64url");
const HUGE_HEADER = Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]);
/** The beginning of a ClientHello of 512 bytes. */
const HALF_A_HELLO = Buffer.from([
  0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03,
]);
/** The buffers of both ends are full by then, and the bridge's patience (10 s) outlasts what is measured. */
const FREEZE_S = 5;

function connectPacket(login: string, password: string, more: object = {}): Buffer {
  const packet: Packet = {
    ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 60 },
    ...{ clientId: login, username: login, password: Buffer.from(password) },
    ...more,
  };
  return generate(packet);
}

function publish(topic: string, payload: Buffer, more: object = {}): Buffer {
  const packet: Packet = {
    ...{ cmd: "publish", topic, payload, qos: 1, dup: false, retain: false, messageId: 7 },
    ...more,
  };
  return generate(packet);
}

/** The first insider logs in, says its greeting and then `bytes`, over and over; again when it is closed. */
function inside(
  make: (insider: Insider, turn: number, target: Target) => Buffer,
  { reads = true } = {},
): Attack["run"] {
  return async (target, signal) => {
    const [insider] = target.insiders;
    if (!insider) return;
    for (let turn = 0; !signal.aborted; turn++) {
      const socket = open(target.mqttPort);
      if (reads) socket.resume();
      socket.write(connectPacket(insider.login, insider.password));
      for (const { topic, payload } of insider.greeting) {
        socket.write(publish(topic, payload));
        await pause(GREETING_MS, signal);
      }
      await pour(socket, make(insider, turn, target), signal);
      socket.destroy();
      await pause(FAST_MS, signal);
    }
  };
}

/** Once at the door, with words that change by turns. */
function atTheDoor(words: (target: Target) => readonly Buffer[]): Attack["run"] {
  return (target, signal) => {
    const all = words(target);
    const next = (n: number): Buffer => all[n % all.length] ?? Buffer.alloc(0);
    return overAndOver({ port: target.mqttPort, count: STRANGERS, words: next }, signal);
  };
}

function insiderSays(change: object): (target: Target) => Buffer {
  return ({ insiders: [insider] }) =>
    connectPacket(insider?.login ?? "", insider?.password ?? "", change);
}

/** Every insider takes a session and keeps it, and takes it again from itself. */
async function hoard({ mqttPort, insiders }: Target, signal: AbortSignal): Promise<void> {
  const attack = async ({ login, password }: Insider): Promise<void> => {
    while (!signal.aborted) {
      const socket = open(mqttPort);
      socket.resume();
      socket.write(connectPacket(login, password));
      await pause(1000 * Math.random(), signal);
    }
  };
  await Promise.all(insiders.map(attack));
}

async function handshakes({ mqttPort: port, ca = "" }: Target, signal: AbortSignal): Promise<void> {
  const attack = async (): Promise<void> => {
    while (!signal.aborted) {
      const socket = connectTls({ host: "127.0.0.1", port, ca });
      socket.on("error", () => undefined);
      socket.once("secureConnect", () => socket.destroy());
      await settled(socket, "close", signal);
      await pause(FAST_MS, signal);
    }
  };
  await Promise.all(Array.from({ length: STRANGERS }, attack));
}

function many(make: (n: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: 100 }, (_, n) => make(n)));
}

const WILL = { will: { topic: "t", payload: Buffer.from("x"), qos: 1, retain: true } };

export const MQTT_ATTACKS: readonly Attack[] = [
  {
    name: "records",
    summary: "an enrolled client publishes the same record as fast as the socket takes it",
    run: inside(({ record }) => many(() => publish(record.topic, record.payload))),
  },
  {
    name: "registrations",
    summary: "an enrolled client registers random tokens under ever new aliases",
    run: inside((_, __, { epoch }) =>
      many((n) =>
        publish(
          formatUpstream({ kind: "reg", alias: 100 + n }),
          encodeRegistration({ epoch, token: randomBytes(32) }),
        ),
      ),
    ),
  },
  {
    name: "announcements",
    summary: "an enrolled client announces the same key again and again",
    run: inside(({ greeting: [, announced] }) =>
      many(() => publish(announced?.topic ?? "", announced?.payload ?? Buffer.alloc(0))),
    ),
  },
  {
    name: "pings",
    summary: "an enrolled client sends PINGREQ without a pause",
    run: inside(() => many(() => generate({ cmd: "pingreq" }))),
  },
  {
    name: "frozen reader",
    summary:
      "an enrolled client, its limits lifted, asks without a pause and never reads: all buffers on the way are full",
    leadS: FREEZE_S,
    unlimited: true,
    run: inside(() => Buffer.alloc(64 * 1024, generate({ cmd: "pingreq" })), { reads: false }),
  },
  {
    name: "forbidden packets",
    summary:
      "an enrolled client sends by turns what closes it: QoS 2, retained, a foreign topic; and SUBSCRIBE before each",
    run: inside(({ record }, turn) => {
      const subscriptions = [{ topic: "#", qos: 0 as const }];
      const closing = [
        publish(record.topic, record.payload, { qos: 2 }),
        publish(record.topic, record.payload, { retain: true }),
        publish("somewhere/else", record.payload),
      ];
      return Buffer.concat([
        generate({ cmd: "subscribe", messageId: 9, subscriptions }),
        closing[turn % closing.length] ?? Buffer.alloc(0),
      ]);
    }),
  },
  {
    name: "wills and sessions to keep",
    summary:
      "an enrolled client connects on 5 connections with a will, with a session to be kept, with a keepalive of 18 hours",
    run: atTheDoor((target) =>
      [WILL, { clean: false }, { keepalive: 65_535 }].map((change) => insiderSays(change)(target)),
    ),
  },
  {
    name: "takeovers",
    summary: "an enrolled client takes its session from itself on 5 connections, over and over",
    run: atTheDoor((target) => [insiderSays({})(target)]),
  },
  {
    name: "session hoarding",
    summary:
      "200 enrolled clients take a session each and take it from themselves again every half a second",
    byMany: true,
    run: hoard,
  },
  {
    name: "wrong logins",
    summary: "a stranger logs in on 5 connections with a wrong secret, over and over",
    run: atTheDoor(() => [connectPacket("device-0@nowhere", WRONG)]),
  },
  {
    name: "huge packets",
    summary: "a stranger begins, on 5 connections, a packet of 256 MiB, over and over",
    run: atTheDoor(() => [HUGE_HEADER]),
  },
  {
    name: "slow CONNECT",
    summary: `a stranger sends ${SLOW} times its CONNECT a byte a second`,
    run: ({ mqttPort: port }, signal) =>
      trickle({ port, count: SLOW, words: connectPacket("slow@nowhere", WRONG) }, signal),
  },
  {
    name: "TLS: silence",
    summary: `a stranger opens ${SLOW} connections and says nothing`,
    overTls: true,
    run: ({ mqttPort: port }, signal) =>
      trickle({ port, count: SLOW, words: Buffer.alloc(0) }, signal),
  },
  {
    name: "TLS: slow handshakes",
    summary: `a stranger sends ${SLOW} times the beginning of a handshake a byte a second`,
    overTls: true,
    run: ({ mqttPort: port }, signal) =>
      trickle({ port, count: SLOW, words: HALF_A_HELLO }, signal),
  },
  {
    name: "TLS: handshakes",
    summary: "a stranger makes whole handshakes on 5 connections and hangs up, over and over",
    overTls: true,
    run: handshakes,
  },
];
