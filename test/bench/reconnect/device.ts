/** A device on a raw socket that connects, gets its topic, publishes one record, and then only stays. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { generate, parser } from "mqtt-packet";
import type { DeviceKit } from "../load/device-kit.ts";
import type { Publish } from "../load/publisher.ts";

/** All that it sends is made beforehand: what is measured is the bridge. */
export interface DeviceWords {
  /** Of loopback: a bridge's limits count by address. */
  readonly localAddress: string;
  readonly hello: Buffer;
  readonly registration: Buffer;
  /** Only said the first time: bridges remember it. */
  readonly announcement: Buffer;
  readonly record: Buffer;
}

export interface At {
  readonly port: number;
  /** PEM of the authority, where the port speaks TLS. */
  readonly ca?: string | undefined;
}

const KEEPALIVE_S = 300;
const DEADLINE_MS = 60_000;
const MESSAGE_ID = 1;

export function wordsOf(
  { login, password, greeting }: Pick<DeviceKit, "login" | "password" | "greeting">,
  record: Publish,
  localAddress: string,
): DeviceWords {
  const [registration, announcement] = greeting;
  if (!registration || !announcement) throw new Error("a device without a greeting");
  return {
    localAddress,
    hello: generate({
      ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true },
      ...{ clientId: login, username: login, password: Buffer.from(password) },
      keepalive: KEEPALIVE_S,
    }),
    registration: frame(registration),
    announcement: frame(announcement),
    record: frame(record),
  };
}

function frame({ topic, payload }: Publish): Buffer {
  const packet = { cmd: "publish", topic, payload, qos: 1, dup: false, retain: false } as const;
  return generate({ ...packet, messageId: MESSAGE_ID });
}

export class IdleDevice {
  readonly #words: DeviceWords;
  #socket: Socket | undefined;

  constructor(words: DeviceWords) {
    this.#words = words;
  }

  /** `true` when its record has been acknowledged, `false` where the bridge refuses, closes, or takes a minute. */
  async flow({ port, ca }: At, isFirst: boolean): Promise<boolean> {
    const { localAddress } = this.#words;
    const at = { host: "127.0.0.1", port, localAddress };
    const socket = ca === undefined ? connect({ ...at, noDelay: true }) : connectTls({ ...at, ca });
    this.#socket = socket;
    socket.on("error", () => undefined);
    const deadline = setTimeout(() => socket.destroy(), DEADLINE_MS);
    try {
      return await this.#converse(socket, isFirst);
    } finally {
      clearTimeout(deadline);
      socket.removeAllListeners("data").resume();
    }
  }

  /** From one moment to the next, as where a network goes. */
  cut(): void {
    this.#socket?.destroy();
  }

  #converse(socket: Socket, isFirst: boolean): Promise<boolean> {
    const { hello, registration, announcement, record } = this.#words;
    /** What is said next, each when the one before it has its answers: CONNACK; PUBACK and ok; PUBACK. */
    const steps = [
      { words: hello, answers: 1 },
      { words: registration, answers: 2 },
      ...(isFirst ? [{ words: announcement, answers: 1 }] : []),
      { words: record, answers: 1 },
    ];
    return new Promise((resolve) => {
      let left = 0;
      const say = (): void => {
        const step = steps.shift();
        left = step?.answers ?? 0;
        if (step) socket.write(step.words);
        else resolve(true);
      };
      const packets = parser({ protocolVersion: 4 });
      packets.on("packet", (packet) => {
        if (packet.cmd === "connack" && packet.returnCode !== 0) socket.destroy();
        if (packet.cmd === "publish" && !packet.payload.includes('"ok"')) socket.destroy();
        if (--left === 0) say();
      });
      socket.on("data", (chunk: Buffer) => packets.parse(chunk));
      socket.once("close", () => resolve(false));
      say();
    });
  }
}
