/**
 * The last acknowledged key announcement of each stream. The outbox forgets it, since the registry has it, under the tag
 * of that epoch. Where records of that key are still here when the epoch's names end, they go under the newest name, and
 * there the key has to be announced first (PROTOCOL.md §3, §4 Epochs).
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { replaceSecretFile } from "../../../core/runtime/files.ts";
import type { Logger } from "../../../core/runtime/log.ts";
import { bytesField, parseJson } from "../../../core/wire/fields.ts";
import type { StoredEntry, StreamId } from "../outbox/entry.ts";

const schema = z.strictObject({
  veilmq: z.literal("announcements"),
  version: z.literal(1),
  streams: z.record(z.string().regex(/^[0-9a-f]{32}$/), bytesField()),
});

export class KeptAnnouncements {
  readonly #path: string | null;
  readonly #log: Logger;
  #byStream = new Map<StreamId, Buffer>();
  #writing: Promise<void> = Promise.resolve();

  /** `path`: a file of the agent's own; `null` keeps them in memory. */
  constructor(options: { readonly path: string | null; readonly log: Logger }) {
    this.#path = options.path;
    this.#log = options.log;
  }

  /** A file that is not there, or damaged, holds none: it is needed only by a device that was off for very long. */
  async start(): Promise<void> {
    if (this.#path === null) return;
    try {
      const { streams } = parseJson(await readFile(this.#path), schema);
      this.#byStream = new Map(Object.entries(streams));
    } catch (error) {
      const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isMissing) this.#log.warn({ err: error }, "the kept key announcements cannot be read");
    }
  }

  find(stream: StreamId): Buffer | undefined {
    return this.#byStream.get(stream);
  }

  /** Resolves when it is on disk, or cannot be put there. Never rejects. */
  async keep({ stream, payload }: Pick<StoredEntry, "stream" | "payload">): Promise<void> {
    if (this.#byStream.get(stream)?.equals(payload)) return;
    this.#byStream.set(stream, payload);
    const path = this.#path;
    if (path === null) return;
    this.#writing = this.#writing.then(() => this.#write(path));
    await this.#writing;
  }

  async #write(path: string): Promise<void> {
    const streams = [...this.#byStream].map(([stream, payload]) => {
      return [stream, payload.toString("base64url")];
    });
    const file: z.input<typeof schema> = {
      ...{ veilmq: "announcements", version: 1 },
      streams: Object.fromEntries(streams),
    };
    await replaceSecretFile(path, JSON.stringify(file)).catch((error: unknown) => {
      this.#log.warn({ err: error }, "a key announcement cannot be kept");
    });
  }
}
