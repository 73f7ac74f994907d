/** Where a consumer's lines go. A sink's promise resolves when it may be forgotten what was written. */
import { type FileHandle, open } from "node:fs/promises";
import type { Writable } from "node:stream";
import { VeilError } from "../../core/errors.ts";
import { isSameFile, type OutputFile, outputFileOf } from "./output-file.ts";

export interface LineSink {
  /**
   * `length`: the checkpointed length, or null where there is no checkpoint yet; `file`: what it is the length of, where
   * that is known. The file that it is now; `undefined` of what is none.
   */
  open(length: number | null, file?: OutputFile): Promise<OutputFile | undefined>;
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

  async open(): Promise<undefined> {
    this.#stream.on("error", (error) => {
      this.#failure = error;
    });
    return undefined;
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
   * Opens, cut back to `length` bytes; `null` keeps all of it. Throws CONFIG if it is another file than `known`, or
   * shorter than that, or none that could be cut back, such as a pipe.
   */
  async open(length: number | null, known?: OutputFile): Promise<OutputFile> {
    const file = await open(this.#path, "a", 0o600);
    try {
      const info = await file.stat({ bigint: true });
      const own = outputFileOf(this.#path, info);
      const size = Number(info.size);
      if (!info.isFile())
        throw new VeilError("CONFIG", `${this.#path} is no regular file`, {
          hint: "without --output, readings go to stdout",
        });
      if (length !== null && known && !isSameFile(own, known))
        throw new VeilError("CONFIG", `${this.#path} is not the file that the checkpoint is of`, {
          hint:
            `that was ${known.path}: give each --output a --state folder of its own; ` +
            'if this is a copy of it, take "outputFile" out of checkpoint.json there',
        });
      if (length !== null && size < length)
        throw new VeilError("CONFIG", `${this.#path} is shorter than the checkpoint says`, {
          hint: "move the file and the --state folder away together to start again",
        });
      if (length !== null) await file.truncate(length);
      this.#file = file;
      this.#length = length ?? size;
      return own;
    } catch (error) {
      await file.close();
      throw error;
    }
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
