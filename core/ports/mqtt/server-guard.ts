/**
 * Walks the fixed headers of MQTT 3.1.1 (§2.2) in a stream of bytes and stops at the first packet that claims to be
 * larger than it may be. aedes itself has no limit, not even before authentication: it would wait for 256 MiB.
 */
import type { MqttLimits } from "./server-types.ts";

export interface PacketLimits {
  /** A whole packet of any kind before authentication, and CONNECT itself. */
  readonly maxConnectBytes: number;
  /** A whole PUBLISH of an authenticated client. */
  readonly maxPublishBytes: number;
  /** Any other packet of an authenticated client. */
  readonly maxControlBytes: number;
}

export type GuardProblem = "not-connect" | "packet-size" | "malformed";

const CONNECT = 1;
const PUBLISH = 3;
/** §2.2.3: the remaining length takes at most four bytes of seven bits. */
const MAX_LENGTH_BYTES = 4;
/** `v1/rec/65535`, the packet identifier, and the fixed header of a PUBLISH. */
const PUBLISH_OVERHEAD_BYTES = 64;

/** What it lets through, by the limits of the server. */
export function packetLimits({ maxConnectBytes, maxPayloadBytes }: MqttLimits): PacketLimits {
  return {
    maxConnectBytes,
    maxControlBytes: maxConnectBytes,
    maxPublishBytes: maxPayloadBytes + PUBLISH_OVERHEAD_BYTES,
  };
}

export class PacketGuard {
  readonly #limits: PacketLimits;
  #authenticated = false;
  #first = true;
  /** The packet type while its length is being read; `undefined` between packets and in a body. */
  #type: number | undefined;
  #length = 0;
  #lengthBytes = 0;
  #bodyLeft = 0;
  #packets = 0;
  #bytes = 0;

  constructor(limits: PacketLimits) {
    this.#limits = limits;
  }

  /** How many packets have begun. */
  get packets(): number {
    return this.#packets;
  }

  /** How many bytes have been looked at. */
  get bytes(): number {
    return this.#bytes;
  }

  /** From now on the limits of an authenticated client hold. */
  open(): void {
    this.#authenticated = true;
  }

  /** Looks at the next bytes of the stream; `undefined` means that they may be read. */
  inspect(chunk: Uint8Array): GuardProblem | undefined {
    this.#bytes += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      if (this.#bodyLeft > 0) {
        const skipped = Math.min(this.#bodyLeft, chunk.length - at);
        this.#bodyLeft -= skipped;
        at += skipped;
        continue;
      }
      const problem = this.#readHeaderByte(chunk[at] ?? 0);
      if (problem) return problem;
      at += 1;
    }
    return undefined;
  }

  #readHeaderByte(byte: number): GuardProblem | undefined {
    if (this.#type === undefined) {
      this.#type = byte >> 4;
      this.#length = 0;
      this.#lengthBytes = 0;
      return this.#first && this.#type !== CONNECT ? "not-connect" : undefined;
    }
    this.#length += (byte & 0x7f) << (7 * this.#lengthBytes);
    this.#lengthBytes += 1;
    if ((byte & 0x80) !== 0)
      return this.#lengthBytes === MAX_LENGTH_BYTES ? "malformed" : undefined;
    const packetBytes = 1 + this.#lengthBytes + this.#length;
    if (packetBytes > this.#maxBytes(this.#type)) return "packet-size";
    this.#bodyLeft = this.#length;
    this.#packets += 1;
    this.#type = undefined;
    this.#first = false;
    return undefined;
  }

  #maxBytes(type: number): number {
    if (!this.#authenticated) return this.#limits.maxConnectBytes;
    return type === PUBLISH ? this.#limits.maxPublishBytes : this.#limits.maxControlBytes;
  }
}
