/** Cutting a stream of bytes into frames: what every framing offers. Pure: no I/O, no clock. */

/** One whole frame, without what only delimits it. */
export interface Frame {
  readonly bytes: Buffer;
  /** Where it began, in bytes since the connection opened. */
  readonly offset: number;
}

/** What was thrown away since the start: noise, broken checksums, frames without an end. */
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
  /** A new connection: what is unfinished belongs to the old one and is dropped. */
  reset(): void;
  readonly dropped: Dropped;
}
