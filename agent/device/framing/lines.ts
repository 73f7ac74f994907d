/**
 * Lines, ended by \n or \r\n. A line above `maxBytes` is noise or a wrong baud rate: it is dropped up to
 * the next newline, and memory stays at `maxBytes`. Blank lines are nothing, not even dropped.
 */
import { z } from "zod";
import type { Dropped, Frame, Framer } from "./framer.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;

const DEFAULT_BYTES = 4096;

export const lineFraming = z.strictObject({
  type: z.literal("lines"),
  /** The longest line, without its end. */
  maxBytes: z.int().min(1).max(65_536).default(DEFAULT_BYTES),
});

export class LineFramer implements Framer {
  readonly #maxBytes: number;
  /** The unfinished line, at most `maxBytes` and its \r; only its first `#held` bytes count. */
  readonly #line: Buffer;
  #held = 0;
  /** How long the unfinished line really is: more than is held once it is too long. */
  #length = 0;
  #offset = 0;
  #droppedFrames = 0;
  #droppedBytes = 0;

  constructor(options: { maxBytes?: number } = {}) {
    this.#maxBytes = options.maxBytes ?? DEFAULT_BYTES;
    this.#line = Buffer.alloc(this.#maxBytes + 1);
  }

  get dropped(): Dropped {
    return { frames: this.#droppedFrames, bytes: this.#droppedBytes };
  }

  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    for (let from = 0; ; ) {
      const newline = chunk.indexOf(NEWLINE, from);
      if (newline < 0) {
        this.#hold(chunk.subarray(from));
        return frames;
      }
      this.#hold(chunk.subarray(from, newline));
      const frame = this.#finish();
      if (frame) frames.push(frame);
      from = newline + 1;
    }
  }

  reset(): void {
    if (this.#length > 0) this.#drop();
    this.#begin(0);
  }

  #hold(part: Uint8Array): void {
    const fitting = part.subarray(0, this.#line.length - this.#held);
    this.#line.set(fitting, this.#held);
    this.#held += fitting.length;
    this.#length += part.length;
  }

  /** The line that a newline has ended; undefined if there is none to give. */
  #finish(): Frame | undefined {
    const offset = this.#offset;
    const length = this.#length;
    const returned = length === this.#held && this.#line[this.#held - 1] === RETURN ? 1 : 0;
    const size = length - returned;
    let frame: Frame | undefined;
    if (size > this.#maxBytes) this.#drop();
    else if (size > 0) frame = { bytes: Buffer.from(this.#line.subarray(0, size)), offset };
    this.#begin(offset + length + 1);
    return frame;
  }

  #drop(): void {
    this.#droppedFrames++;
    this.#droppedBytes += this.#length;
  }

  #begin(offset: number): void {
    this.#held = 0;
    this.#length = 0;
    this.#offset = offset;
  }
}
