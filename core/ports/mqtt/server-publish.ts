/** A publish from its arrival to its PUBACK: one object for all who have to do with it, since there are a hundred thousand a second. */
import type { PublishPacket } from "aedes";
import type { Acknowledged } from "./server-acks.ts";
import type { Ordered } from "./server-order.ts";
import type { MqttPublish, MqttTimes, MqttVerdict } from "./server-types.ts";

const NOTHING = Buffer.alloc(0);

/** What aedes and its connection know of it. */
export interface PublishOrigin {
  readonly packet: PublishPacket;
  /** aedes's: sends the PUBACK, if the packet's QoS is 1, and reads on. */
  readonly done: () => void;
  /** By `performance.now()`. */
  readonly readAtMs: number;
}

export class Publish implements MqttPublish, Ordered<Publish>, Acknowledged {
  readonly packet: PublishPacket;
  readonly done: () => void;
  readonly readAtMs: number;
  /** `undefined` until it is given. */
  verdict: MqttVerdict | undefined;
  /** Given with the verdict. */
  times: MqttTimes | undefined;
  next: Publish | undefined;
  readonly #order: { flush(): void };

  /** `order` lets it leave when there is a verdict. */
  constructor({ packet, done, readAtMs }: PublishOrigin, order: { flush(): void }) {
    this.packet = packet;
    this.done = done;
    this.readAtMs = readAtMs;
    this.#order = order;
  }

  get topic(): string {
    return this.packet.topic;
  }

  /** Empty once there is a verdict. */
  get payload(): Buffer {
    const { payload } = this.packet;
    return Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
  }

  answer(verdict: MqttVerdict, times?: MqttTimes): void {
    this.verdict ??= verdict;
    this.times ??= times;
    // It may have to wait for those before it, and nobody counts its bytes any more.
    this.packet.payload = NOTHING;
    this.#order.flush();
  }
}
