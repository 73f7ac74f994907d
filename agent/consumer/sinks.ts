/** Where a consumer's lines go. A sink's promise resolves when it may be forgotten what was written. */
import { type FileHandle, open } from "node:fs/promises";
import type { Writable } from "node:stream";
import { VeilError } from "../../core/errors.ts";

export interface LineSink {
  /** `length`: the checkpointed length, or null where there is no checkpoint yet. */
  open(length: number | null): Promise<void>;
  /** Resolves when the reader has room again: the back-pressure of the whole consumer. */
  write(lines: string): Promise<void>;
  /** Makes all of it durable; the length in bytes where the sink can be cut back to it, else null. */
  flush(): Promise<number | null>;
  close(): Promise<void>;
}

/** Lines to a stream such as stdout. Throws DISCONNECTED once its reader has gone. */
export class StreamSink implements LineSink {
  readonly #stream: Writable;
  #failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  async open(): Promise<void> {
    this.#stream.on("error", (error) => {
      this.#failure = error;
    });
  }

  async write(lines: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: Error): void =>
        reject(new VeilError("DISCONNECTED", "nobody reads the output any more", { cause }));
      if (this.#failure) return failed(this.#failure);
      this.#stream.write(lines, (error) => (error ? failed(error) : resolve()));
    });
  }

  async flush(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {}
}

/**
 * Lines to a file that is cut back to the checkpointed length when it is opened: together with the checkpoint, each
 * line is there exactly once, also after kill -9 (PROTOCOL.md §7).
 */
export class FileSink implements LineSink {
  readonly #path: string;
  #file: FileHandle | undefined;
  #length = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Opens, cut back to `length` bytes; `null` keeps all of it. Throws CONFIG if the file is shorter than that, or is
   * none that could be cut back, such as a pipe.
   */
  async open(length: number | null): Promise<void> {
    const file = await open(this.#path, "a", 0o600);
    const info = await file.stat();
    if (!info.isFile()) {
      await file.close();
      throw new VeilError("CONFIG", `${this.#path} is no regular file`, {
        hint: "without --output, readings go to stdout",
      });
    }
    const { size } = info;
    if (length !== null && size < length) {
      await file.close();
      throw new VeilError("CONFIG", `${this.#path} is shorter than the checkpoint says`, {
        hint: "move the file and the --state folder away together to start again",
      });
    }
    if (length !== null) await file.truncate(length);
    this.#file = file;
    this.#length = length ?? size;
  }

  async write(lines: string): Promise<void> {
    const bytes = Buffer.from(lines, "utf8");
    await this.#opened().appendFile(bytes);
    this.#length += bytes.length;
  }

  async flush(): Promise<number> {
    await this.#opened().datasync();
    return this.#length;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  #opened(): FileHandle {
    if (!this.#file) throw new VeilError("STOPPED", "the output is closed");
    return this.#file;
  }
}
