/** What hostile clients do to a bridge, on raw sockets and as fast as they can. Each runs until its signal aborts. */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { generate, type Packet } from "mqtt-packet";
import { pause } from "../../../core/runtime/backoff.ts";
import { encodeRegistration, formatUpstream } from "../../../core/wire/mqtt.ts";

/** Whom they attack, and what they hold. */
export interface Target {
  readonly port: number;
  readonly epoch: number;
  /** Enrolled clients, with what they publish to an alias that they were given. */
  readonly insiders: readonly Insider[];
}

export interface Insider {
  readonly login: string;
  readonly password: string;
  /** Registration and announcement. */
  readonly greeting: readonly { readonly topic: string; readonly payload: Buffer }[];
  readonly record: { readonly topic: string; readonly payload: Buffer };
}

export interface Attack {
  readonly name: string;
  /** For the report. */
  readonly summary: string;
  run(target: Target, signal: AbortSignal): Promise<void>;
}

const STRANGERS = 5;
const GREETING_MS = 200;
const FAST_MS = 5;
const TICK_MS = 1;
const WRONG = randomBytes(32).toString("base64url");
const HUGE_HEADER = Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]);

/** Writes as long as the other end takes it: what is held back waits in the kernel, not here. */
async function pour(socket: Socket, bytes: Buffer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !socket.destroyed) {
    if (socket.write(bytes)) await pause(TICK_MS, signal);
    else await settled(socket, "drain", signal);
  }
}

function open(port: number): Socket {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  socket.on("error", () => undefined);
  return socket;
}

async function settled(
  socket: Socket,
  event: "drain" | "close",
  signal: AbortSignal,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => resolve();
    socket.once(event, done);
    socket.once("close", done);
    signal.addEventListener("abort", done, { once: true });
  });
}

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

/** Logs in, says its greeting and then `bytes`, over and over; again when it is closed. */
function insiders(make: (insider: Insider, target: Target) => Buffer, { reads = true } = {}) {
  return async (target: Target, signal: AbortSignal): Promise<void> => {
    const attack = async (insider: Insider): Promise<void> => {
      const bytes = make(insider, target);
      while (!signal.aborted) {
        const socket = open(target.port);
        if (reads) socket.resume();
        socket.write(connectPacket(insider.login, insider.password));
        for (const { topic, payload } of insider.greeting) {
          socket.write(publish(topic, payload));
          await pause(GREETING_MS, signal);
        }
        await pour(socket, bytes, signal);
        socket.destroy();
        await pause(FAST_MS, signal);
      }
    };
    await Promise.all(target.insiders.map(attack));
  };
}

/** Many at once connect, say `bytes`, and connect again as soon as they are closed. */
function strangers(count: number, make: () => Buffer) {
  return async ({ port }: Target, signal: AbortSignal): Promise<void> => {
    const attack = async (): Promise<void> => {
      while (!signal.aborted) {
        const socket = open(port);
        socket.resume();
        socket.write(make());
        await settled(socket, "close", signal);
        socket.destroy();
        await pause(FAST_MS, signal);
      }
    };
    await Promise.all(Array.from({ length: count }, attack));
  };
}

async function trickle({ port }: Target, signal: AbortSignal): Promise<void> {
  const attack = async (): Promise<void> => {
    while (!signal.aborted) {
      const socket = open(port);
      for (const byte of connectPacket("slow@nowhere", WRONG)) {
        if (socket.destroyed || !(await pause(1000, signal))) break;
        socket.write(Buffer.of(byte));
      }
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: 1000 }, attack));
}

function many(make: (n: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: 100 }, (_, n) => make(n)));
}

export const ATTACKS: readonly Attack[] = [
  {
    name: "records",
    summary: "an enrolled client publishes the same record as fast as the socket takes it",
    run: insiders(({ record }) => many(() => publish(record.topic, record.payload))),
  },
  {
    name: "registrations",
    summary: "an enrolled client registers random tokens under ever new aliases",
    run: insiders((_, { epoch }) =>
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
    run: insiders(({ greeting: [, announced] }) =>
      many(() => publish(announced?.topic ?? "", announced?.payload ?? Buffer.alloc(0))),
    ),
  },
  {
    name: "frozen readers",
    summary: "an enrolled client asks and asks and never reads the answers",
    run: insiders(
      ({ greeting: [asked] }) =>
        many(() => publish(asked?.topic ?? "", asked?.payload ?? Buffer.alloc(0))),
      { reads: false },
    ),
  },
  {
    name: "pings",
    summary: "an enrolled client sends PINGREQ without a pause",
    run: insiders(() => many(() => generate({ cmd: "pingreq" }))),
  },
  {
    name: "forbidden packets",
    summary: "an enrolled client sends what is refused: QoS 2, retained, foreign topics, SUBSCRIBE",
    run: insiders(({ record }) =>
      Buffer.concat([
        generate({ cmd: "subscribe", messageId: 9, subscriptions: [{ topic: "#", qos: 0 }] }),
        publish("somewhere/else", record.payload),
        publish(record.topic, record.payload, { qos: 2 }),
        publish(record.topic, record.payload, { retain: true }),
      ]),
    ),
  },
  {
    name: "wrong logins",
    summary: "a stranger logs in on 5 connections with a wrong secret, over and over",
    run: strangers(STRANGERS, () => connectPacket("device-0@nowhere", WRONG)),
  },
  {
    name: "huge packets",
    summary: "a stranger begins, on 5 connections, a packet of 256 MiB, over and over",
    run: strangers(STRANGERS, () => HUGE_HEADER),
  },
  {
    name: "slow CONNECT",
    summary: "a stranger sends 1,000 times its CONNECT a byte a second",
    run: trickle,
  },
];
