/**
 * Frames that are found by how they look: a header, a length, a checksum. What only seemed to begin one is
 * looked at again from its second byte, so that no frame behind a false start is lost; the bytes in front of a
 * frame are dropped and counted. At most `maxBytes` are held, and each byte is looked at a bounded number of times.
 */
import { DropTally } from "./drop-tally.ts";
import type { Dropped, Frame, Framer, OnDrop } from "./framer.ts";

/**
 * What lies at a place: a frame; something known that is no frame (`bytes: null`), such as a request, or an answer
 * that is of no use (`refused`); `more`, the beginning of something; or why it is none (`DropReason`).
 */
export type Sight =
  | { readonly size: number; readonly bytes: Buffer | null; readonly refused?: true }
  | "more"
  | "noise"
  | "damaged"
  | "implausible";

export interface LookContext {
  /** No more comes behind the window: `more` will be dropped. */
  readonly atEnd: boolean;
}

export interface ScanOptions {
  /** The longest frame. `look` must not answer `more` where it has as many. */
  readonly maxBytes: number;
  /** What lies at `at` in `window`, which has at least one byte there. A frame's bytes must be a copy. What it finds is taken. */
  readonly look: (window: Buffer, at: number, context: LookContext) => Sight;
  /** Told of every byte that is dropped, before the next one is looked at. */
  readonly onSkip?: (byte: number) => void;
  readonly onDrop?: OnDrop | undefined;
}

export class ScanFramer implements Framer {
  readonly #options: ScanOptions;
  readonly #drops: DropTally;
  /** What came and is not decided yet. */
  #window: Buffer = Buffer.alloc(0);
  /** Where the window begins, in bytes since the connection opened. */
  #offset = 0;

  constructor(options: ScanOptions) {
    this.#options = options;
    this.#drops = new DropTally(options.onDrop);
  }

  get dropped(): Dropped {
    return this.#drops.total;
  }

  push(chunk: Uint8Array): Frame[] {
    this.#window = Buffer.concat([this.#window, chunk]);
    return this.#scan(false);
  }

  flush(): Frame[] {
    const frames = this.#scan(true);
    this.#drops.settle();
    return frames;
  }

  expect(_request: Uint8Array): void {}

  reset(): void {
    const bytes = this.#window.length;
    if (bytes > 0) this.#drops.add({ offset: this.#offset, bytes, reason: "unfinished" });
    this.#drops.settle();
    this.#window = Buffer.alloc(0);
    this.#offset = 0;
  }

  #scan(atEnd: boolean): Frame[] {
    const { look, maxBytes, onSkip } = this.#options;
    const window = this.#window;
    const frames: Frame[] = [];
    let at = 0;
    while (at < window.length) {
      const sight = look(window, at, { atEnd });
      const isOver = atEnd || window.length - at >= maxBytes;
      if (sight === "more" && !isOver) break;
      const offset = this.#offset + at;
      if (typeof sight === "object") {
        const { size, bytes, refused } = sight;
        this.#drops.settle();
        if (refused) this.#drops.add({ offset, bytes: size, reason: "refused" });
        if (bytes) frames.push({ bytes, offset, size });
        at += size;
      } else {
        const reason = sight === "more" ? "unfinished" : sight;
        this.#drops.add({ offset, bytes: 1, reason });
        onSkip?.(window[at] ?? 0);
        at++;
      }
    }
    // A copy: what is left must not keep the chunk that it came in.
    this.#window = Buffer.from(window.subarray(at));
    this.#offset += at;
    return frames;
  }
}

/** Of two things that may lie at a place, the one that does; else `more` if either may, else the worst that is said. */
export function better(one: Sight, other: Sight): Sight {
  if (typeof one === "object") return one;
  if (typeof other === "object" || other === "more") return other;
  return one === "noise" ? other : one;
}

/** Whether `known` lies at `at`: all of it, its beginning at the window's end, or not. */
export function lookFor(known: Uint8Array, window: Buffer, at: number): Sight {
  const there = Math.min(known.length, window.length - at);
  for (let i = 0; i < there; i++) if (window[at + i] !== known[i]) return "noise";
  return there < known.length ? "more" : { size: known.length, bytes: null };
}
