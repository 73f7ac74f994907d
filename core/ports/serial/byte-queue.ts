/** Bytes between a port that is read ahead and the one who takes them: bounded, in order, ended once. */
export class ByteQueue implements AsyncIterable<Buffer> {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Set at the end: an error that the reader gets after the last chunk, or null for a plain end. */
  #end: { readonly error: Error | null } | null = null;
  #wake: () => void = () => undefined;
  #resume: () => void = () => undefined;

  constructor(options: { maxBytes: number }) {
    this.#maxBytes = options.maxBytes;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#wake();
  }

  /** Resolves when there is room: the writer reads no further before. Also at the end. */
  async room(): Promise<void> {
    while (this.#bytes >= this.#maxBytes && this.#end === null)
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
  }

  /** No more comes. What is queued is still delivered, then the iteration throws `error` or ends. */
  end(error: Error | null): void {
    this.#end ??= { error };
    this.#wake();
    this.#resume();
  }

  /** For one reader. All that waits comes as one chunk. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      if (this.#chunks.length > 0) {
        const waiting = Buffer.concat(this.#chunks);
        this.#chunks = [];
        this.#bytes = 0;
        this.#resume();
        yield waiting;
      } else if (this.#end === null)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      else if (this.#end.error) throw this.#end.error;
      else return;
    }
  }
}
