/**
 * Frames that end with a byte that no frame contains. One above `maxBytes` is noise or a wrong baud rate: it
 * is dropped up to the next end, and memory stays at `maxBytes`. Nothing between two ends is nothing, not
 * even dropped.
 *
 * The delimiter is what a false start ends at: no byte behind it is ever lost.
 */
import { DropTally } from "./drop-tally.ts";
import type { Dropped, DropReason, Frame, Framer, FramerOptions, Part } from "./framer.ts";

export interface DelimitedOptions {
  /** The byte at the end of every frame. */
  readonly delimiter: number;
  /** The longest frame as it is on the line, without its end. */
  readonly maxBytes: number;
  /** The frame's content, which must not share memory with `raw`; null if it is damaged, empty if there is none. */
  readonly decode: (raw: Buffer) => Buffer | null;
  /** Whether what comes first on a new connection is the rest of a frame, and so dropped. */
  readonly skipFirst?: boolean | undefined;
  readonly partsOf?: FramerOptions["partsOf"];
  readonly onDrop?: FramerOptions["onDrop"];
}

export class DelimitedFramer implements Framer {
  readonly #options: DelimitedOptions;
  readonly #drops: DropTally;
  /** The unfinished frame, at most `maxBytes`; only its first `#held` bytes count. */
  readonly #raw: Buffer;
  #held = 0;
  /** How long the unfinished frame really is: more than is held once it is too long. */
  #length = 0;
  #offset = 0;
  #skipping = false;

  constructor(options: DelimitedOptions) {
    this.#options = options;
    this.#drops = new DropTally(options.onDrop);
    this.#raw = Buffer.alloc(options.maxBytes);
  }

  get dropped(): Dropped {
    return this.#drops.total;
  }

  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    for (let from = 0; ; ) {
      const end = chunk.indexOf(this.#options.delimiter, from);
      if (end < 0) {
        this.#hold(chunk.subarray(from));
        return frames;
      }
      this.#hold(chunk.subarray(from, end));
      frames.push(...this.#finish());
      from = end + 1;
    }
  }

  flush(): Frame[] {
    const frames = this.#rest();
    this.#begin(this.#offset + this.#length);
    this.#drops.settle();
    return frames;
  }

  expect(): void {}

  reset(): void {
    this.flush();
    this.#begin(0);
    this.#skipping = this.#options.skipFirst === true;
  }

  #hold(part: Uint8Array): void {
    const fitting = part.subarray(0, this.#raw.length - this.#held);
    this.#raw.set(fitting, this.#held);
    this.#held += fitting.length;
    this.#length += part.length;
  }

  /** What a delimiter has ended: a frame, several that have lost theirs, or none. */
  #finish(): Frame[] {
    const frames = this.#skipping ? this.#drop("unfinished") : this.#decode();
    this.#skipping = false;
    this.#begin(this.#offset + this.#length + 1);
    return frames;
  }

  #decode(): Frame[] {
    if (this.#length === 0) return [];
    if (this.#length > this.#held) return this.#drop("too long");
    const bytes = this.#options.decode(this.#raw.subarray(0, this.#held));
    if (bytes === null) return this.#drop("damaged");
    this.#drops.settle();
    if (bytes.length === 0) return [];
    const parts = this.#options.partsOf?.(bytes) ?? [];
    if (parts.length > 1) return this.#framesOf(bytes, parts);
    return [{ bytes, offset: this.#offset, size: this.#length + 1 }];
  }

  /** Of what has no delimiter yet, and will have none. */
  #rest(): Frame[] {
    const { decode, partsOf } = this.#options;
    const isHeld = this.#length === this.#held && !this.#skipping;
    const bytes = isHeld ? decode(this.#raw.subarray(0, this.#held)) : null;
    const parts = (bytes && partsOf?.(bytes)) ?? [];
    if (bytes === null || parts.length === 0) return this.#drop("unfinished");
    this.#drops.settle();
    return this.#framesOf(bytes, parts);
  }

  /** What lies in front of a part counts as the part's. */
  #framesOf(bytes: Buffer, parts: readonly Part[]): Frame[] {
    return parts.map(({ from, to }, i) => {
      const begin = parts[i - 1]?.to ?? 0;
      return {
        bytes: bytes.subarray(from, to),
        offset: this.#offset + begin,
        size: to - begin,
      };
    });
  }

  #drop(reason: DropReason): Frame[] {
    if (this.#length > 0) this.#drops.add({ offset: this.#offset, bytes: this.#length, reason });
    return [];
  }

  #begin(offset: number): void {
    this.#held = 0;
    this.#length = 0;
    this.#offset = offset;
  }
}
