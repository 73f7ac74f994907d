/**
 * PUBACKs that leave together. One answer of Kafka's confirms many records: to write a PUBACK for each alone was a good part of
 * what a record cost. Those of one turn of the event loop leave in one write for each connection.
 */

/** A publish that was acknowledged. */
export interface Acknowledged {
  /** Lets more of its client be read. */
  readonly done: () => void;
}

/** Who has PUBACKs to write. */
export interface Acknowledging {
  /** Writes all that it has. */
  sendAcks(): readonly Acknowledged[];
}

const PUBACK = 0x40;
const PUBACK_BYTES = 4;

export class Acks {
  #waiting: Acknowledging[] = [];

  /**
   * Calls `sendAcks` when what is being done now is done, and each `done` when others had their turn; to be asked once for
   * that.
   */
  soon(connection: Acknowledging): void {
    if (this.#waiting.length === 0) process.nextTick(this.#send);
    this.#waiting.push(connection);
  }

  readonly #send = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    const acknowledged = waiting.map((connection) => connection.sendAcks());
    setImmediate(() => {
      for (const ofOne of acknowledged) for (const { done } of ofOne) done();
    });
  };
}

/** A PUBACK for each packet identifier, in their order (MQTT 3.1.1 §3.4). */
export function encodePubacks(ids: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(PUBACK_BYTES * ids.length);
  let at = 0;
  for (const id of ids) {
    bytes[at] = PUBACK;
    bytes[at + 1] = PUBACK_BYTES - 2;
    bytes[at + 2] = id >> 8;
    bytes[at + 3] = id & 0xff;
    at += PUBACK_BYTES;
  }
  return bytes;
}
