/**
 * The inside of a backup: POSIX ustar (IEEE Std 1003.1-2001, pax, "ustar Interchange Format"), regular files only, so
 * that `age -d FILE | tar x` opens one without us. Both ends stream: nothing is held but the block at hand.
 */
import { VeilError } from "../../core/errors.ts";

const BLOCK = 512;
const MAX_NAME = 100;
const MAX_PREFIX = 155;
/** Eleven octal digits: 8 GiB − 1. */
const MAX_SIZE = 8 ** 11 - 1;

const FIELDS = {
  name: [0, MAX_NAME],
  mode: [100, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
  prefix: [345, MAX_PREFIX],
} as const;

const MAGIC = "ustar\x0000";
const REGULAR = "0";

/** A file on its way into an archive. */
export interface FileToPack {
  /** With `/`, at most 255 bytes of ASCII. */
  readonly path: string;
  readonly mode: number;
  readonly modifiedAtMs: number;
  readonly bytes: number;
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A file that comes out of one. `content` has to be read before the next file is asked for. */
export interface PackedFile {
  readonly path: string;
  readonly bytes: number;
  readonly content: AsyncIterable<Uint8Array>;
}

/** Throws BAD_ARGUMENT for a path or size that ustar has no room for, CONFLICT where a file is not as long as it says. */
export async function* pack(files: AsyncIterable<FileToPack>): AsyncGenerator<Uint8Array> {
  for await (const file of files) {
    yield header(file);
    let left = file.bytes;
    for await (const chunk of file.content) {
      left -= chunk.length;
      if (left < 0) break;
      yield chunk;
    }
    if (left !== 0) throw new VeilError("CONFLICT", `${file.path} changed while it was packed`);
    yield Buffer.alloc(padding(file.bytes));
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** The files of an archive, in its order. Throws BAD_DOCUMENT for what is none, or is cut off. */
export async function* unpack(archive: AsyncIterable<Uint8Array>): AsyncGenerator<PackedFile> {
  const bytes = new ByteReader(archive);
  for (;;) {
    const block = await bytes.exactly(BLOCK);
    // The rest is read as well: whoever opens it checks it to its last byte.
    if (block.every((byte) => byte === 0)) return await bytes.drain();
    const { path, size } = parseHeader(block);
    yield { path, bytes: size, content: bytes.stream(size) };
    await bytes.skipStream();
    await bytes.exactly(padding(size));
  }
}

function padding(bytes: number): number {
  return (BLOCK - (bytes % BLOCK)) % BLOCK;
}

function header({ path, mode, modifiedAtMs, bytes }: FileToPack): Buffer {
  if (bytes > MAX_SIZE) throw new VeilError("BAD_ARGUMENT", `${path} is too large for a backup`);
  const block = Buffer.alloc(BLOCK);
  const put = (field: keyof typeof FIELDS, text: string): void => {
    block.write(text, FIELDS[field][0], "latin1");
  };
  const { prefix, name } = splitPath(path);
  put("name", name);
  put("mode", octal(mode, 7));
  put("size", octal(bytes, 11));
  put("mtime", octal(Math.max(0, Math.floor(modifiedAtMs / 1_000)), 11));
  put("type", REGULAR);
  put("magic", MAGIC);
  put("prefix", prefix);
  put("checksum", `${octal(checksum(block), 6)}\0 `);
  return block;
}

function splitPath(path: string): { prefix: string; name: string } {
  if (!/^[\x21-\x7e]+$/.test(path)) throw noRoom(path);
  if (path.length <= MAX_NAME) return { prefix: "", name: path };
  const slash = path.indexOf("/", path.length - MAX_NAME - 1);
  if (slash < 1 || slash > MAX_PREFIX) throw noRoom(path);
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

function noRoom(path: string): VeilError {
  return new VeilError("BAD_ARGUMENT", `${path} is no name for a file in a backup`);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** The sum of the header's bytes, its own field taken as spaces. */
function checksum(block: Buffer): number {
  const [at, length] = FIELDS.checksum;
  let sum = length * 0x20;
  block.forEach((byte, index) => {
    if (index < at || index >= at + length) sum += byte;
  });
  return sum;
}

function parseHeader(block: Buffer): { path: string; size: number } {
  const get = (field: keyof typeof FIELDS): string => {
    const [at, length] = FIELDS[field];
    const text = block.toString("latin1", at, at + length);
    const end = text.indexOf("\0");
    return end < 0 ? text : text.slice(0, end);
  };
  const number = (field: keyof typeof FIELDS): number => Number.parseInt(get(field).trim(), 8);
  if (!get("magic").startsWith("ustar") || number("checksum") !== checksum(block))
    throw new VeilError("BAD_DOCUMENT", "the backup is not an archive of ours");
  const size = number("size");
  if (get("type") !== REGULAR || !Number.isSafeInteger(size))
    throw new VeilError("BAD_DOCUMENT", "the backup holds something that is no file");
  const prefix = get("prefix");
  return { path: prefix === "" ? get("name") : `${prefix}/${get("name")}`, size };
}

/** Bytes in the pieces that are asked for, from a source that has its own. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();
  /** Of the file that is being read. */
  #left = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** For small numbers: they are gathered. */
  async exactly(bytes: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for (let left = bytes; left > 0; ) {
      const part = await this.#upTo(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** The next file, which may be read, or skipped. */
  stream(bytes: number): AsyncGenerator<Uint8Array> {
    this.#left = bytes;
    return this.#stream();
  }

  async *#stream(): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) {
      const part = await this.#upTo(this.#left);
      this.#left -= part.length;
      yield part;
    }
  }

  /** Reads on to the end of the present file. */
  async skipStream(): Promise<void> {
    while (this.#left > 0) this.#left -= (await this.#upTo(this.#left)).length;
  }

  async drain(): Promise<void> {
    while (!(await this.#source.next()).done);
  }

  async #upTo(bytes: number): Promise<Uint8Array> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) throw new VeilError("BAD_DOCUMENT", "the backup is cut off");
      this.#rest = value;
    }
    const part = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }
}
