/**
 * kafkajs 2.2.4 writes a request's header into a buffer of its own and copies the body behind it, twice, into zeroed buffers of
 * the next power of two: up to five times a request's size, which is up to a megabyte. Here the header is written into the room
 * that its body has left for it.
 */

/** For the length, key, version, correlation id and client id. Where the id is too long for it, the body is copied. */
export const HEADER_ROOM_BYTES = 128;

/** A part of `whole` that is written, with room before it. */
interface Placed {
  readonly whole: Buffer;
  readonly start: number;
  readonly end: number;
}

/** What kafkajs's encoders hold, and ours. */
interface Encoder {
  buf: Buffer;
  offset: number;
  placed?: Placed;
  writeEncoder(body: Encoder): Encoder;
}

const patched = new WeakSet<object>();

/** Patches the class once. */
export function writeHeadersInFront(encoderClass: { prototype: object }): void {
  const { prototype } = encoderClass;
  if (patched.has(prototype) || !isEncoder(prototype)) return;
  patched.add(prototype);
  const copy = prototype.writeEncoder;
  prototype.writeEncoder = function (this: Encoder, body: Encoder): Encoder {
    const { placed } = body;
    if (!placed || placed.start < this.offset) return copy.call(this, body);
    const start = placed.start - this.offset;
    this.buf.copy(placed.whole, start, 0, this.offset);
    return Object.assign(this, placedAt({ ...placed, start }));
  };
}

/** The fields of an encoder that has written what is placed there. */
export function placedAt(placed: Placed): Pick<Encoder, "buf" | "offset" | "placed"> {
  const buf = placed.whole.subarray(placed.start, placed.end);
  return { buf, offset: buf.length, placed };
}

function isEncoder(prototype: object): prototype is Encoder {
  return "writeEncoder" in prototype;
}
