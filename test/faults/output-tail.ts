/** The newest reading of each sensor in the consumer's output while it grows. A file that is cut back is followed back. */
import { type FileHandle, open } from "node:fs/promises";
import { pause } from "../../core/runtime/backoff.ts";
import { parseArrival, readingOf } from "../../demo/arrivals.ts";

const POLL_MS = 50;
const MAX_CHUNK_BYTES = 1024 * 1024;

export class OutputTail {
  readonly #path: string;
  readonly #highest = new Map<string, number>();
  #position = 0;
  #rest = "";

  constructor({ path }: { path: string }) {
    this.#path = path;
  }

  /** The highest count of a sensor that has arrived; 0 before the first. */
  highest(sensor: string): number {
    return this.#highest.get(sensor) ?? 0;
  }

  /** Follows until `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const file = await open(this.#path, "a+");
    try {
      do while (await this.#readOn(file));
      while (await pause(POLL_MS, signal));
    } finally {
      await file.close();
    }
  }

  /** `false`: there is nothing more. */
  async #readOn(file: FileHandle): Promise<boolean> {
    const { size } = await file.stat();
    if (size < this.#position) {
      this.#position = size;
      this.#rest = "";
    }
    const buffer = Buffer.alloc(Math.min(MAX_CHUNK_BYTES, size - this.#position));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#position);
    this.#position += bytesRead;
    const lines = (this.#rest + buffer.toString("latin1", 0, bytesRead)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#note(line);
    return bytesRead > 0;
  }

  #note(line: string): void {
    try {
      const { sensor, count } = readingOf(parseArrival(line));
      if (count > this.highest(sensor)) this.#highest.set(sensor, count);
    } catch {
      // Written anew while it was read; the ledger reads the file when it has come to rest.
    }
  }
}
