/**
 * One MQTT publisher on a raw socket: it knows just enough MQTT to be fast. mqtt.js would be the bottleneck of every
 * measurement (TRAPS, aedes). Frames are made once; what changes from one to the next is patched in place.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { generate, type Packet, parser } from "mqtt-packet";
import { VeilError } from "../../../core/errors.ts";
import { Histogram } from "./histogram.ts";

/** Where, and as whom. */
export interface PublisherOptions {
  readonly port: number;
  /** PEM of the authority, where the port speaks TLS. */
  readonly ca?: string | undefined;
  /** Client id and user name. */
  readonly login: string;
  readonly password: string;
  /** Sent one after the other, each when the one before it has its PUBACK: registration, announcement. */
  readonly greeting: readonly Publish[];
  /** Whether a refusal or acceptance is pushed for the greeting; then it is waited for. */
  readonly awaitsOk: boolean;
  readonly topic: string;
  readonly payload: Buffer;
  /** Where in the payload its 64-bit sequence number stands; none is counted without it. */
  readonly seqAt?: number | undefined;
}

export interface Publish {
  readonly topic: string;
  readonly payload: Buffer;
}

const KEEPALIVE_S = 300;
const FIRST_ID = 1;
const LAST_ID = 0xffff;
const PUBACK = 0x40;
const PUBACK_BYTES = 4;
const DEADLINE_MS = 30_000;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #socket: Socket;
  readonly #frame: Buffer;
  readonly #idAt: number;
  /** When the publish with this identifier was due. */
  readonly #dueMs = new Float64Array(LAST_ID + 1);
  #nextId = FIRST_ID;
  #seq = 0n;
  #rest: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  #inFlight = 0;
  /** Told of each PUBACK. */
  #onPuback: () => void = () => undefined;
  #latencies = new Histogram();

  private constructor(options: PublisherOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    this.#frame = publishFrame(options, 0);
    this.#idAt = this.#frame.length - options.payload.length - 2;
  }

  /** Connects and logs in. Throws what stands in the way. */
  static async open(options: PublisherOptions): Promise<Publisher> {
    const { port, ca } = options;
    const at = { host: "127.0.0.1", port };
    const socket = ca === undefined ? connect({ ...at, noDelay: true }) : connectTls({ ...at, ca });
    const publisher = new Publisher(options, socket);
    socket.on("error", (error) => {
      publisher.#failure ??= error;
    });
    await publisher.#greet();
    socket.on("data", (chunk: Buffer) => publisher.#read(chunk));
    socket.on("close", () => {
      publisher.#failure ??= new VeilError("DISCONNECTED", "the connection was closed");
      publisher.#onPuback();
    });
    return publisher;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Throws what went wrong with the connection, if something did. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Sends `count` publishes in one write; their time runs from `dueMs` (`performance.now`). */
  send(count: number, dueMs: number): void {
    const bytes = Buffer.allocUnsafe(count * this.#frame.length);
    for (let n = 0; n < count; n++) {
      const at = n * this.#frame.length;
      this.#frame.copy(bytes, at);
      bytes.writeUInt16BE(this.#nextId, at + this.#idAt);
      const { seqAt } = this.#options;
      if (seqAt !== undefined) bytes.writeBigUInt64BE(this.#seq++, at + this.#idAt + 2 + seqAt);
      this.#dueMs[this.#nextId] = dueMs;
      this.#nextId = this.#nextId === LAST_ID ? FIRST_ID : this.#nextId + 1;
    }
    this.#inFlight += count;
    this.#socket.write(bytes);
  }

  /** From now on `onPuback` hears when some have come, and of the end of the connection. */
  listen(onPuback: () => void): void {
    this.#onPuback = onPuback;
  }

  /** From now on the time of each PUBACK goes here. */
  countInto(latencies: Histogram): void {
    this.#latencies = latencies;
  }

  close(): void {
    this.#onPuback = () => undefined;
    this.#socket.destroy();
  }

  async #greet(): Promise<void> {
    const { login, password, greeting, awaitsOk } = this.#options;
    const packets = new Packets(this.#socket);
    const connectPacket = {
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: true,
      clientId: login,
      username: login,
      password: Buffer.from(password),
      keepalive: KEEPALIVE_S,
    } as const;
    this.#socket.write(generate(connectPacket));
    await packets.next(
      ({ cmd, ...rest }) => cmd === "connack" && "returnCode" in rest && rest.returnCode === 0,
    );
    for (const [n, publish] of greeting.entries()) {
      this.#socket.write(publishFrame(publish, FIRST_ID));
      await packets.next(({ cmd }) => cmd === "puback");
      if (n === 0 && awaitsOk)
        await packets.next((packet) => packet.cmd === "publish" && isOk(packet.payload));
    }
    packets.stop();
  }

  /** PUBACKs only: nothing else is expected once a publisher works. */
  #read(chunk: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const nowMs = performance.now();
    let at = 0;
    for (; at + PUBACK_BYTES <= bytes.length; at += PUBACK_BYTES) {
      if (bytes[at] !== PUBACK) {
        this.#failure ??= new VeilError(
          "BAD_RECORD",
          "the bridge sent something else than a PUBACK",
        );
        break;
      }
      this.#latencies.add(nowMs - (this.#dueMs[bytes.readUInt16BE(at + 2)] ?? nowMs));
      this.#inFlight -= 1;
    }
    this.#rest = bytes.subarray(at);
    this.#onPuback();
  }
}

/** The packets of a connection one by one, until `stop`. */
class Packets {
  readonly #socket: Socket;
  readonly #parser = parser({ protocolVersion: 4 });
  readonly #come: Packet[] = [];
  readonly #read = (chunk: Buffer): void => void this.#parser.parse(chunk);
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#parser.on("packet", (packet) => {
      this.#come.push(packet);
      this.#wake();
    });
    socket.on("data", this.#read);
    socket.once("close", () => this.#wake());
  }

  /** Throws DISCONNECTED unless the next packet is the one expected. */
  async next(isExpected: (packet: Packet) => boolean): Promise<void> {
    const deadline = setTimeout(() => this.#socket.destroy(), DEADLINE_MS);
    while (this.#come.length === 0 && !this.#socket.destroyed)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    clearTimeout(deadline);
    const packet = this.#come.shift();
    if (!packet || !isExpected(packet))
      throw new VeilError("DISCONNECTED", `the bridge answered with ${packet?.cmd ?? "nothing"}`);
  }

  stop(): void {
    this.#socket.off("data", this.#read);
  }
}

function publishFrame({ topic, payload }: Publish, messageId: number): Buffer {
  // A messageId of 0 is refused; it is patched anyway.
  const packet = { cmd: "publish", topic, payload, qos: 1, dup: false, retain: false } as const;
  return generate({ ...packet, messageId: messageId || FIRST_ID });
}

function isOk(payload: Buffer | string): boolean {
  return payload.toString().includes('"ok"');
}
