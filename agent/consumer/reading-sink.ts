/** Where opened readings go: lines of a format, a command, a webhook, or a program's own loop. */
import type { Format } from "./formats.ts";
import type { OutputFile } from "./output-file.ts";
import type { Reading } from "./reading.ts";
import type { LineSink } from "./sinks.ts";

export interface ReadingSink {
  /** After a write that threw STOPPED: how many of its readings may be forgotten all the same. None, unless given. */
  readonly taken?: number;
  /** As of a {@link LineSink}. */
  open(length: number | null, file?: OutputFile): Promise<OutputFile | undefined>;
  /**
   * Resolves when the readings may be forgotten; nothing more is read before: the back-pressure of the whole consumer.
   * May throw STOPPED once `signal` aborts.
   */
  write(readings: readonly Reading[], signal: AbortSignal): Promise<void>;
  /** Makes all of it durable; the length in bytes where the sink can be cut back to it, else null. */
  flush(): Promise<number | null>;
  close(): Promise<void>;
}

/** Readings as lines. A format's header begins an output that is empty. */
export class FormattedSink implements ReadingSink {
  readonly #lines: LineSink;
  readonly #format: Format;

  constructor(lines: LineSink, format: Format) {
    this.#lines = lines;
    this.#format = format;
  }

  async open(length: number | null, known?: OutputFile): Promise<OutputFile | undefined> {
    const file = await this.#lines.open(length, known);
    const { header } = this.#format;
    if (header === "") return file;
    const isEmpty = ((await this.#lines.flush()) ?? 0) === 0;
    if (isEmpty) await this.#lines.write(header);
    return file;
  }

  async write(readings: readonly Reading[]): Promise<void> {
    await this.#lines.write(readings.map((reading) => this.#format.encode(reading)).join(""));
  }

  async flush(): Promise<number | null> {
    return this.#lines.flush();
  }

  async close(): Promise<void> {
    await this.#lines.close();
  }
}
