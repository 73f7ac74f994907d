/** One broker's connections: made when they are first needed, until the broker is given up. */
import { VeilError } from "../../errors.ts";
import type { Kafka } from "./client.ts";
import type { KafkajsBroker, KafkajsSocket } from "./kafkajs.ts";

/** kafkajs keeps fetches apart from everything else: a broker answers one request of a connection at a time. */
export type Lane = "requests" | "fetches";
const POOL_INDEX: Readonly<Record<Lane, number>> = { requests: 0, fetches: 1 };

export interface Address {
  readonly host: string;
  readonly port: number;
}

export class BrokerNode {
  readonly host: string;
  readonly port: number;
  readonly broker: KafkajsBroker;
  /** One at a time: kafkajs would open a second socket and forget the first. */
  #connecting: Promise<unknown> = Promise.resolve();
  #isGivenUp = false;

  constructor(kafka: Kafka, { host, port }: Address) {
    this.host = host;
    this.port = port;
    this.broker = kafka.createBroker(host, port);
  }

  get isConnected(): boolean {
    return this.broker.connectionPool.pool.some((connection) => connection.isConnected());
  }

  /** Connects and logs in, where that is not done. Rejects with DISCONNECTED if it is given up, or what kafkajs rejects with. */
  async connect(lane: Lane): Promise<void> {
    const attempt = this.#connecting.then(() => this.#connect(lane));
    this.#connecting = attempt.catch(() => undefined);
    await attempt;
    this.#assertWanted();
  }

  /** Hangs up for good; what is under way fails as DISCONNECTED. */
  giveUp(): void {
    this.#isGivenUp = true;
    this.#hangUp();
  }

  async #connect(lane: Lane): Promise<void> {
    const { connectionPool } = this.broker;
    let connection = connectionPool.pool[POOL_INDEX.requests];
    try {
      this.#assertWanted();
      await this.broker.connect();
      this.#assertWanted();
      connection = await connectionPool.getConnection(POOL_INDEX[lane]);
      this.#assertWanted();
      await connection.authenticate();
    } catch (cause) {
      throw isUnfinishedLogin(cause, connection?.socket) ? gone() : cause;
    }
  }

  /** kafkajs connects anew whoever asks, also after a hang-up, and then nobody would hang up. */
  #assertWanted(): void {
    if (!this.#isGivenUp) return;
    this.#hangUp();
    throw gone();
  }

  /** kafkajs's own disconnect waits for what is under way, on a frozen broker until it times out. */
  #hangUp(): void {
    const error = gone();
    for (const connection of this.broker.connectionPool.pool) {
      connection.rejectRequests(error);
      connection.disconnect().catch(() => undefined);
      // With an error: kafkajs hears of it while it still connects.
      connection.socket?.destroy(error);
    }
  }
}

/**
 * kafkajs calls any end of a login a refusal, also where the broker fell silent or went away within it; who refuses answers
 * first.
 */
function isUnfinishedLogin(error: unknown, socket: KafkajsSocket | undefined): boolean {
  if (!(error instanceof Error) || error.name !== "KafkaJSSASLAuthenticationError") return false;
  return !socket || socket.destroyed || socket.readableEnded || error.message.endsWith("timed out");
}

function gone(): VeilError {
  return new VeilError("DISCONNECTED", "the connection to the broker is gone");
}
