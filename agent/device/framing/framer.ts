/** Cutting a stream of bytes into frames: what every framing offers. Pure: no I/O, no clock. */

/** One whole frame, without what only delimits or guards it. */
export interface Frame {
  readonly bytes: Buffer;
  /** Where it began, in bytes since the connection opened. */
  readonly offset: number;
  /** How many bytes of the stream it took, from its delimiter to its checksum. */
  readonly size: number;
}

/** What was thrown away since the start, in stretches without a frame between: noise, broken checksums, no end. */
export interface Dropped {
  readonly frames: number;
  readonly bytes: number;
}

/**
 * Holds the unfinished part of a frame, bounded. However the bytes are cut into chunks, the frames are the
 * same; the work is linear in the bytes.
 */
export interface Framer {
  /** Takes what arrived; returns the frames that it completes, in order. Does not keep `chunk`. */
  push(chunk: Uint8Array): Frame[];
  /**
   * The bytes have an end here: that of a capture, or of the time an answer had. What waits for more is
   * dropped; where it had only seemed to begin a frame, those behind its first byte are found.
   */
  flush(): Frame[];
  /** A request goes out: for framings whose answers do not say what they answer. */
  expect(request: Uint8Array): void;
  /** A new connection: what is unfinished belongs to the old one and is dropped. */
  reset(): void;
  readonly dropped: Dropped;
}

/**
 * Why bytes were dropped. `damaged`: they began as a frame does, and their end or checksum was wrong. `implausible`: those
 * were right, and what they say cannot be.
 */
export type DropReason =
  | "noise"
  | "damaged"
  | "implausible"
  | "too long"
  | "unfinished"
  | "refused";

/** A stretch of dropped bytes. */
export interface Drop {
  /** In bytes since the connection opened. */
  readonly offset: number;
  readonly bytes: number;
  readonly reason: DropReason;
}

/** Told of every stretch, once it has ended. Must not throw. */
export type OnDrop = (drop: Drop) => void;

export interface FramerOptions {
  /** What is sent to the device: known where it is heard as well, and no noise. */
  readonly requests?: readonly Buffer[];
  /** Whether a frame can be a true one by what it says; where it cannot, another may lie in it. */
  readonly accept?: ((bytes: Buffer) => boolean) | undefined;
  /** What in a line is whole by itself, in order: several of it have lost the ends of their lines, and need none. */
  readonly partsOf?: ((line: Buffer) => readonly Part[]) | undefined;
  readonly onDrop?: OnDrop | undefined;
}

/** Bytes of a line, from `from` up to and without `to`. */
export interface Part {
  readonly from: number;
  readonly to: number;
}
