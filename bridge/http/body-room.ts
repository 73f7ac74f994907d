/**
 * The memory that bodies may take, from their first byte until they have been worked on. A body takes what has come
 * of it, not what it claims, and where all is taken the one that has been coming the longest gives way: whoever sends
 * slowly, or stops, keeps nobody else out.
 */
import type { Readable } from "node:stream";
import { VeilError } from "../../core/errors.ts";

export interface BodyRoomOptions {
  /** Of all bodies together. */
  readonly maxBytes: number;
  readonly maxBytesPerBody: number;
}

export class BodyRoom {
  readonly #options: BodyRoomOptions;
  #taken = 0;
  /** Those that are still coming, the oldest first. */
  readonly #coming = new Set<RoomBody>();

  constructor(options: BodyRoomOptions) {
    this.#options = options;
  }

  enter(): RoomBody {
    const body = new RoomBody({
      maxBytes: this.#options.maxBytesPerBody,
      onTaken: (bytes) => this.#take(bytes),
      onWhole: () => this.#coming.delete(body),
      onLeft: (bytes) => {
        this.#coming.delete(body);
        this.#taken -= bytes;
      },
    });
    this.#coming.add(body);
    return body;
  }

  #take(bytes: number): void {
    this.#taken += bytes;
    for (const oldest of this.#coming) {
      if (this.#taken <= this.#options.maxBytes) return;
      oldest.giveWay();
    }
  }
}

interface RoomBodyOptions {
  readonly maxBytes: number;
  readonly onTaken: (bytes: number) => void;
  readonly onWhole: () => void;
  /** With what it had taken. */
  readonly onLeft: (bytes: number) => void;
}

/** One body in the room. */
export class RoomBody {
  readonly #options: RoomBodyOptions;
  #chunks: Buffer[] = [];
  #taken = 0;
  #isInside = true;
  #refuse: (error: Error) => void = () => undefined;

  constructor(options: RoomBodyOptions) {
    this.#options = options;
  }

  /** The whole body, once. Throws TOO_LARGE; LIMIT where it gave way; and as `stream` fails. */
  async receive(stream: Readable): Promise<Buffer> {
    const take = (chunk: Buffer): void => this.#take(chunk);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#refuse = reject;
        stream.on("data", take).once("end", resolve).once("error", reject);
      });
      this.#options.onWhole();
      return Buffer.concat(this.#chunks);
    } finally {
      // What still comes is read and dropped, so that its sender hears the answer.
      stream.off("data", take);
      this.#chunks = [];
    }
  }

  /** It is not needed any more, whole or not. */
  leave(): void {
    if (!this.#isInside) return;
    this.#isInside = false;
    this.#chunks = [];
    this.#options.onLeft(this.#taken);
  }

  giveWay(): void {
    this.leave();
    this.#refuse(new VeilError("LIMIT", "the body came too slowly, and others need the room"));
  }

  #take(chunk: Buffer): void {
    const { maxBytes, onTaken } = this.#options;
    if (!this.#isInside) return;
    if (this.#taken + chunk.length > maxBytes) {
      this.leave();
      this.#refuse(new VeilError("TOO_LARGE", "the body is too large"));
      return;
    }
    this.#chunks.push(chunk);
    this.#taken += chunk.length;
    onTaken(chunk.length);
  }
}
