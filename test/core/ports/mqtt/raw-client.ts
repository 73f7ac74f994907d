/** An MQTT client that speaks bytes: it says what it is told to, and keeps what it hears. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { generate, type Packet, parser } from "mqtt-packet";
import { NEVER, pause } from "../../../../core/runtime/backoff.ts";
import { until } from "../../../support/until.ts";

export class RawClient {
  readonly socket: Socket;
  readonly packets: Packet[] = [];
  isClosed = false;
  #parser = parser({ protocolVersion: 4 });

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#parser.on("packet", (packet) => this.packets.push(packet));
    socket.on("data", (chunk) => this.#parser.parse(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new RawClient(socket);
  }

  static async overTls(port: number, ca: string): Promise<RawClient> {
    const socket = connectTls({ host: "127.0.0.1", port, ca });
    await new Promise((resolve, reject) =>
      socket.once("secureConnect", resolve).once("error", reject),
    );
    return new RawClient(socket);
  }

  /** Connects and logs in as `clientId`. */
  static async login(port: number, clientId = "sensor@acme", password = "secret") {
    const client = await RawClient.open(port);
    client.send(connectPacket({ clientId, username: clientId, password: Buffer.from(password) }));
    await until(() => client.packets.length > 0);
    return client;
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  publish(topic: string, payload: string | Buffer, messageId: number): void {
    this.send(publishPacket({ topic, payload, messageId }));
  }

  /** PUBACK of the last QoS 1 push. */
  acknowledge(): void {
    const last = this.packets.findLast((p) => p.cmd === "publish" && p.qos === 1);
    this.send(generate({ cmd: "puback", messageId: last?.messageId ?? 1 }));
  }

  /** The packet identifiers of the PUBACKs so far, in order. */
  get pubacks(): number[] {
    return this.packets.flatMap((p) => (p.cmd === "puback" ? [p.messageId ?? 0] : []));
  }

  /** What was pushed so far, as text. */
  get pushes(): string[] {
    return this.packets.flatMap((p) => (p.cmd === "publish" ? [p.payload.toString()] : []));
  }

  get returnCode(): number | undefined {
    const [first] = this.packets;
    return first?.cmd === "connack" ? first.returnCode : undefined;
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed);
  }
}

export function connectPacket(overrides: Record<string, unknown> = {}): Buffer {
  return generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    clientId: "sensor@acme",
    username: "sensor@acme",
    password: Buffer.from("secret"),
    keepalive: 30,
    ...overrides,
  });
}

export function publishPacket(packet: {
  topic: string;
  payload: string | Buffer;
  messageId?: number;
  qos?: 0 | 1 | 2;
  retain?: boolean;
}): Buffer {
  const { qos = 1, retain = false, messageId = 1, ...rest } = packet;
  return generate({ cmd: "publish", dup: false, qos, retain, messageId, ...rest });
}

/** Gives things that must not happen the time to happen. */
export async function quiet(ms = 150): Promise<void> {
  await pause(ms, NEVER);
}
