/**
 * kafkajs 2.2.4 writes a request's header into a buffer of its own and copies the body behind it, twice, into zeroed buffers of
 * the next power of two: up to five times a request's size, which is up to a megabyte. Here the header is written into the room
 * that is free before its body.
 */

/** For the length, key, version, correlation id and client id. Where the id is too long for it, the body is copied. */
export const HEADER_ROOM_BYTES = 128;

/** What kafkajs's encoders hold, and ours. */
interface Encoder {
  /** What is written is at its front. */
  buf: Buffer;
  offset: number;
  /** Bytes of the same memory that are free right before `buf`, which then holds what is written and no more. */
  room?: number;
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
    const { offset: headerBytes } = this;
    const { buf, room } = body;
    if (room === undefined || room < headerBytes) return copy.call(this, body);
    const both = Buffer.from(buf.buffer, buf.byteOffset - headerBytes, headerBytes + buf.length);
    this.buf.copy(both, 0, 0, headerBytes);
    return Object.assign(this, { buf: both, offset: both.length, room: room - headerBytes });
  };
}

function isEncoder(prototype: object): prototype is Encoder {
  return "writeEncoder" in prototype;
}
