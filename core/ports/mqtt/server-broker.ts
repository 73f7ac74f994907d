/** aedes, set up to take publishes and nothing else: no subscriptions, no sessions, no wills, no fan-out. */
import "./lean-packets.ts";
import {
  Aedes,
  type AedesOptions,
  type AuthenticateError,
  type Client,
  type PublishPacket,
} from "aedes";
import type { MqttLimits, MqttRefusal } from "./server-types.ts";

/** `undefined` lets a client in; otherwise the code of the CONNACK that turns it away. */
export type ConnackCode = 2 | 3 | 4 | 5 | undefined;

/** Of CONNECT, as it came. */
export interface ConnectPacket {
  readonly clean: boolean;
  readonly hasWill: boolean;
  readonly keepaliveS: number;
}

/** What the packets of one aedes client are handed to. */
export interface BrokerHandler {
  /** Called before `authenticate`. */
  connecting(packet: ConnectPacket): void;
  authenticate(username: string | undefined, password: string | undefined): ConnackCode;
  /** Authenticated, and whoever had the same id before is gone. Precedes CONNACK. */
  opened(): void;
  /** CONNACK has left. */
  ready(): void;
  /** The client acknowledged something that was published to it with QoS 1. */
  acknowledged(): void;
  /** `done()` sends the PUBACK, `done(error)` closes; neither leaves it unanswered. */
  publish(packet: PublishPacket, done: (error?: Error) => void): void;
  subscribing(): void;
  failed(error: Error): void;
}

/**
 * Fans nothing out. With a subscriber that does not read, aedes's own queue stalls every publisher or kills
 * the process (TRAPS, aedes).
 */
const SILENT_QUEUE = {
  on: (_topic: string, _listener: unknown, done?: () => void) => done?.(),
  removeListener: (_topic: string, _listener: unknown, done?: () => void) => done?.(),
  emit: (_packet: unknown, done: () => void) => done(),
  close: (done: () => void) => done(),
};

export class Broker {
  readonly #handlers = new WeakMap<Client, BrokerHandler>();
  readonly #aedes: Aedes;
  /** Nobody subscribes; and of what was sent aedes notes the number, which grows for all. So all share both: 0.4 kB of each. */
  readonly #ofEach = {
    subscriptions: Object.freeze(Object.create(null)),
    duplicates: Object.create(null),
  };

  private constructor(limits: MqttLimits) {
    this.#aedes = new Aedes(brokerOptions(limits, (client) => this.#handlers.get(client)));
    // What follows a PUBACK in aedes: looking for subscribers that there cannot be, with a dozen objects and a promise.
    const publish = (...args: readonly unknown[]): void => {
      const done = args.at(-1);
      if (typeof done === "function") done();
    };
    Object.assign(this.#aedes, { publish });
    this.#aedes.on("client", (client) => this.#handlers.get(client)?.opened());
    this.#aedes.on("clientReady", (client) => this.#handlers.get(client)?.ready());
    // Of a clean session it does not say which: aedes keeps no list of what it has sent.
    this.#aedes.on("ack", (_packet, client) => this.#handlers.get(client)?.acknowledged());
    const failed = (client: Client, error: Error) => this.#handlers.get(client)?.failed(error);
    this.#aedes.on("clientError", failed);
    this.#aedes.on("connectionError", failed);
  }

  static async start(limits: MqttLimits): Promise<Broker> {
    const broker = new Broker(limits);
    await broker.#aedes.listen();
    return broker;
  }

  /** Gives a connection to aedes, which reads it by `conn.read()` alone. */
  handle(connection: Parameters<Aedes["handle"]>[0], handler: BrokerHandler): Client {
    const client = this.#aedes.handle(connection);
    Object.assign(client, this.#ofEach);
    this.#handlers.set(client, handler);
    return client;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
  }
}

/** What aedes is told to do, and whom it asks. */
export function brokerOptions(
  limits: MqttLimits,
  handlerOf: (client: Client) => BrokerHandler | undefined,
): AedesOptions {
  /** Those that are being authenticated. */
  const connects = new WeakMap<Client, object>();
  return {
    mq: SILENT_QUEUE,
    connectTimeout: limits.connectTimeoutMs,
    drainTimeout: limits.drainTimeoutMs,
    keepaliveLimit: limits.maxKeepaliveS,
    preConnect: (client, packet, done) => {
      connects.set(client, packet);
      handlerOf(client)?.connecting({
        clean: packet.clean === true,
        hasWill: packet.will !== undefined,
        keepaliveS: packet.keepalive ?? 0,
      });
      done(null, true);
    },
    authenticate: (client, username, password, done) => {
      const handler = handlerOf(client);
      const code = handler ? handler.authenticate(username, password?.toString("utf8")) : 5;
      // mqtt-packet keeps the CONNECT as long as the connection: then without the secret, and the bytes around it.
      password?.fill(0);
      // And aedes is told of no keepalive: it would move a timer for each packet, which server-keepalive.ts does not.
      Object.assign(connects.get(client) ?? {}, { password: undefined, keepalive: 0 });
      connects.delete(client);
      if (code === undefined) done(null, true);
      else done(refusal(code), false);
    },
    // A will of a client that is gone comes with `client = null`.
    authorizePublish: (client, packet, done) => {
      const handler = client && handlerOf(client);
      if (handler) handler.publish(packet, done);
      else done(new Error("not a connected client"));
    },
    authorizeSubscribe: (client, _subscription, done) => {
      if (client) handlerOf(client)?.subscribing();
      done(null, null);
    },
  };
}

function refusal(returnCode: 2 | 3 | 4 | 5): AuthenticateError {
  return Object.assign(new Error("refused"), { returnCode });
}

/**
 * aedes tells its reasons in words only. `undefined`: an ordinary end, such as a connection that broke;
 * before a client is connected there is none.
 */
export function refusalOf({ message }: Error, isConnecting: boolean): MqttRefusal | undefined {
  if (message.startsWith("connect did not arrive")) return "connect-timeout";
  if (message.startsWith("keep alive limit")) return "keepalive";
  if (message.startsWith("unacceptable protocol")) return "protocol";
  if (message.startsWith("drain timeout")) return "slow-reader";
  return isConnecting ? "malformed" : undefined;
}
