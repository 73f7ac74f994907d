/** What the server publishes to one client. */
import type { Socket } from "node:net";
import type { Client } from "aedes";
import { VeilError } from "../../errors.ts";
import type { MqttMessage } from "./server-types.ts";

export class Pushes {
  readonly #client: Client;
  readonly #socket: Socket;
  #unsent = 0;
  /** Of the QoS 1 push that waits for its PUBACK. */
  #onAcknowledged: ((error?: VeilError) => void) | undefined;

  constructor(client: Client, socket: Socket) {
    this.#client = client;
    this.#socket = socket;
  }

  /** Those that the socket has not taken. */
  get unsent(): number {
    return this.#unsent;
  }

  /**
   * Resolves when the socket has taken it, with QoS 1 when the client has acknowledged it; rejects with DISCONNECTED. One of
   * QoS 1 at a time, so that a PUBACK needs no identifier to say what it is of: INTERNAL for a second.
   */
  async push(message: MqttMessage, qos: 0 | 1): Promise<void> {
    if (qos === 0) return this.#send(message, qos);
    if (this.#onAcknowledged)
      throw new VeilError("INTERNAL", "another push waits for its acknowledgement");
    const acknowledged = new Promise<void>((resolve, reject) => {
      this.#onAcknowledged = (error) => {
        this.#onAcknowledged = undefined;
        if (error) reject(error);
        else resolve();
      };
    });
    await Promise.all([this.#send(message, qos), acknowledged]);
  }

  /** A PUBACK has come. */
  acknowledged(): void {
    this.#onAcknowledged?.();
  }

  /** The session is over. */
  end(): void {
    this.#onAcknowledged?.(gone());
  }

  async #send({ topic, payload }: MqttMessage, qos: 0 | 1): Promise<void> {
    this.#unsent += 1;
    const packet = { cmd: "publish", topic, payload, qos, retain: false, dup: false } as const;
    try {
      await new Promise<void>((resolve, reject) => {
        // aedes keeps a failed write to itself; what it does then is to destroy the socket.
        this.#client.publish(packet, () => (this.#socket.destroyed ? reject(gone()) : resolve()));
      });
    } finally {
      this.#unsent -= 1;
    }
  }
}

export function gone(): VeilError {
  return new VeilError("DISCONNECTED", "the client is not connected");
}
