/**
 * Records that a bridge refused for good (PROTOCOL.md §5): kept for the owner to look at, one JSON object
 * a line: {"time","code","stream","sequence","kind","payload": b64url of the sealed bytes}.
 * Bounded: the oldest file goes when there are too many, and what was in it is reported.
 */
import { open, readdir, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { RefusalCode } from "../../../core/errors.ts";
import { makeFolder, syncFolder } from "../../../core/runtime/files.ts";
import type { StoredEntry } from "./entry.ts";

const MAX_FILE_BYTES = 2 ** 20;
const MAX_FILES = 32;
const FILE_NAME = /^\d{13}\.ndjson$/;

export class RejectedFolder {
  readonly #folder: string;
  #path: string | null = null;
  #chain: Promise<unknown> = Promise.resolve();
  readonly #onDropped: (records: number) => void;

  /** `onDropped`: so many went with a file that was one too many. */
  constructor(options: { folder: string; onDropped: (records: number) => void }) {
    this.#folder = options.folder;
    this.#onDropped = options.onDropped;
  }

  /** How many records are kept here, in all its files. */
  async count(): Promise<number> {
    let count = 0;
    for (const name of await this.#files().catch(() => [])) count += await this.#countIn(name);
    return count;
  }

  /** Keeps `entry`; durable on return. Throws what the file system does. */
  async keep(entry: StoredEntry, code: RefusalCode, timeMs: number): Promise<void> {
    const line = JSON.stringify({
      time: timeMs,
      code,
      stream: entry.stream,
      sequence: entry.sequence,
      kind: entry.kind,
      payload: entry.payload.toString("base64url"),
    });
    const kept = this.#chain.then(() => this.#append(`${line}\n`, timeMs));
    this.#chain = kept.catch(() => undefined);
    await kept;
  }

  async #append(line: string, timeMs: number): Promise<void> {
    await makeFolder(this.#folder);
    const path = await this.#room(timeMs);
    // Until the line is whole, nothing may be appended behind it.
    this.#path = null;
    const file = await open(path, "a");
    try {
      await file.appendFile(line);
      await file.datasync();
    } finally {
      await file.close();
    }
    this.#path = path;
  }

  /** The file to append to: a new one after a start (the last line may be torn) and when one is full. */
  async #room(timeMs: number): Promise<string> {
    if (this.#path !== null && (await sizeOf(this.#path)) < MAX_FILE_BYTES) return this.#path;
    const files = await this.#files();
    const newest = Number.parseInt(files.at(-1) ?? "0", 10);
    const path = join(
      this.#folder,
      `${String(Math.max(timeMs, newest + 1)).padStart(13, "0")}.ndjson`,
    );
    await (await open(path, "wx", 0o600)).close();
    await syncFolder(this.#folder);
    for (const name of files.slice(0, Math.max(0, files.length + 1 - MAX_FILES))) {
      const records = await this.#countIn(name);
      await unlink(join(this.#folder, name));
      this.#onDropped(records);
    }
    this.#path = path;
    return path;
  }

  async #countIn(name: string): Promise<number> {
    const text = await readFile(join(this.#folder, name), "latin1");
    return text.split("\n").length - 1;
  }

  async #files(): Promise<string[]> {
    return (await readdir(this.#folder)).filter((name) => FILE_NAME.test(name)).sort();
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size;
}
