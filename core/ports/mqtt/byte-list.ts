/**
 * The bytes that a parser of mqtt-packet has not read yet, in place of `bl`: the part of it that the parser uses, with the
 * same results. To read a number there makes a Buffer of it, ten of them for each PUBLISH, which were a third of all that a
 * busy bridge allocated; and an empty list was a whole duplex stream.
 */
export class ByteList {
  /** Bytes from here on. */
  length = 0;
  /** Never empty ones. */
  #chunks: Buffer[] = [];
  /** How many bytes of the first chunk are consumed. */
  #consumed = 0;
  /** Whether a view of a chunk here would keep more memory than a copy does. */
  #isLarge = false;

  append(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.length === 0) this.#isLarge = false;
    this.#isLarge ||= bytes.buffer.byteLength > Buffer.poolSize;
    this.#chunks.push(bytes);
    this.length += bytes.length;
  }

  /** Drops bytes at the front, all that there are if fewer. */
  consume(count: number): void {
    const dropped = Math.min(count, this.length);
    this.#consumed += dropped;
    this.length -= dropped;
    for (let first = this.#chunks[0]; first; first = this.#chunks[0]) {
      if (this.#consumed < first.length) return;
      this.#consumed -= first.length;
      this.#chunks.shift();
    }
  }

  /** Beyond the end, it throws as Node's Buffer does; so with the other numbers. */
  readUInt8(at: number): number {
    const first = this.#firstWith(at + 1);
    return first ? first.readUInt8(this.#consumed + at) : this.slice(at, at + 1).readUInt8(0);
  }

  readUInt16BE(at: number): number {
    const first = this.#firstWith(at + 2);
    return first ? first.readUInt16BE(this.#consumed + at) : this.slice(at, at + 2).readUInt16BE(0);
  }

  readUInt32BE(at: number): number {
    const first = this.#firstWith(at + 4);
    return first ? first.readUInt32BE(this.#consumed + at) : this.slice(at, at + 4).readUInt32BE(0);
  }

  toString(encoding: BufferEncoding, start: number, end: number): string {
    const first = this.#firstWith(end);
    return first
      ? first.toString(encoding, this.#consumed + start, this.#consumed + end)
      : this.slice(start, end).toString(encoding);
  }

  /**
   * Of one small chunk a view, else a copy: who keeps it keeps no more than a piece of Buffer's pool. Fewer where the list ends before
   * `end`.
   */
  slice(start: number, end: number): Buffer {
    const first = this.#firstWith(Math.min(end, this.length));
    if (first) return this.#apart(first.subarray(this.#consumed + start, this.#consumed + end));
    const parts: Buffer[] = [];
    let before = -this.#consumed;
    for (const chunk of this.#chunks) {
      const part = chunk.subarray(Math.max(0, start - before), Math.max(0, end - before));
      if (part.length > 0) parts.push(part);
      before += chunk.length;
    }
    const [only] = parts;
    return only && parts.length === 1 ? this.#apart(only) : Buffer.concat(parts);
  }

  #apart(view: Buffer): Buffer {
    return this.#isLarge ? Buffer.from(view) : view;
  }

  /** The first chunk, if the list up to `end` is in it. */
  #firstWith(end: number): Buffer | undefined {
    const first = this.#chunks[0];
    return first && this.#consumed + end <= first.length ? first : undefined;
  }
}
