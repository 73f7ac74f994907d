/** Writes one segment file after the other; what `write` has resolved for survives power loss. */
import { type FileHandle, open, unlink } from "node:fs/promises";
import { syncFolder } from "../../../core/runtime/files.ts";
import { HEADER_BYTES, segmentHeader } from "./codec.ts";

const FILE_MODE = 0o600;

export class SegmentWriter {
  readonly #folder: string;
  #file: FileHandle | null = null;
  #path = "";
  #position = 0;

  constructor(options: { folder: string }) {
    this.#folder = options.folder;
  }

  get isOpen(): boolean {
    return this.#file !== null;
  }

  /** Where the next byte goes: the size of what is written and believed. */
  get position(): number {
    return this.#position;
  }

  /** Goes on in an existing segment of `position` good bytes. */
  async resume(path: string, position: number): Promise<void> {
    this.#file = await open(path, "r+");
    this.#path = path;
    this.#position = position;
  }

  /** Begins a new segment; it is durable, empty, on return. Nothing may be open. */
  async create(path: string): Promise<void> {
    this.#path = path;
    this.#file = await open(path, "wx", FILE_MODE);
    this.#position = 0;
    try {
      await this.write(segmentHeader(), { sync: true });
      await syncFolder(this.#folder);
    } catch (error) {
      this.#position = 0;
      await this.abandon();
      throw error;
    }
  }

  /** Appends; with `sync` it is on disk on return. After a throw: `abandon`. */
  async write(bytes: Buffer, { sync }: { sync: boolean }): Promise<void> {
    const file = this.#file;
    if (file === null) throw new Error("no segment is open");
    for (let sent = 0; sent < bytes.length; ) {
      const { bytesWritten } = await file.write(
        bytes,
        sent,
        bytes.length - sent,
        this.#position + sent,
      );
      sent += bytesWritten;
    }
    if (sync) await file.datasync();
    this.#position += bytes.length;
  }

  async seal(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  /**
   * Leaves a segment after a failed write. What was not reported is cut off, as far as the disk lets us;
   * after a failed fsync nobody can say what is on disk, so this file is never appended to again. An
   * empty one is removed. Never throws.
   */
  async abandon(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    await file.truncate(this.#position).catch(() => undefined);
    await file.close().catch(() => undefined);
    if (this.#position <= HEADER_BYTES) await unlink(this.#path).catch(() => undefined);
  }
}
