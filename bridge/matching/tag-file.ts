/**
 * The results of PEnc on disk, so that a bridge that restarts need not compute them again: 10,000 devices that reconnect
 * would be a minute of mathematics. `[question(32) ‖ tag(32)]…`, sealed under a key from the bridge's age identities;
 * disposable: a file that is missing, too large or does not open is as good as none.
 */
import { randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { setImmediate as breathe } from "node:timers/promises";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { hkdf } from "../../core/scheme/bytes.ts";
import { TAG_BYTES } from "../../core/scheme/tag.ts";
import { openWith, sealWith } from "../../core/wire/document.ts";

/** A SHA-256. */
const QUESTION_BYTES = 32;
const ENTRY_BYTES = QUESTION_BYTES + TAG_BYTES;
/** What AES-256-GCM adds. */
const SEAL_BYTES = 28;
const LABEL = "VEILMQ-V01-matches\0";
/** Entries between two breaths of the event loop: about 2 ms. */
const ENTRIES_AT_ONCE = 5_000;

/** The question's digest in base64, and its tag. */
export type KnownTag = readonly [question: string, tag: Buffer];

export interface TagFileOptions {
  readonly path: string;
  /** The bridge's age identities: a file of others does not open. */
  readonly identities: readonly string[];
  /** More are not read. */
  readonly maxTags: number;
  readonly log: Logger;
}

export class TagFile {
  readonly #options: TagFileOptions;
  readonly #key: Buffer;

  constructor(options: TagFileOptions) {
    this.#options = options;
    this.#key = hkdf(Buffer.from(options.identities.join("\n")), { info: LABEL, length: 32 });
  }

  /** In the order in which they were saved. Throws nothing. */
  async load(): Promise<KnownTag[]> {
    const { path, maxTags, log } = this.#options;
    try {
      const { size } = await stat(path);
      if (size > maxTags * ENTRY_BYTES + SEAL_BYTES) return [];
      const plain = openWith(this.#key, await readFile(path), Buffer.from(LABEL));
      if (plain.length % ENTRY_BYTES !== 0) return [];
      const tags: KnownTag[] = [];
      for (let at = 0; at < plain.length; at += ENTRY_BYTES) {
        const tagAt = at + QUESTION_BYTES;
        // A tag of its own: one that is kept must not keep the whole file.
        const tag = Buffer.from(plain.subarray(tagAt, at + ENTRY_BYTES));
        tags.push([plain.toString("base64", at, tagAt), tag]);
        if (tags.length % ENTRIES_AT_ONCE === 0) await breathe();
      }
      return tags;
    } catch (error) {
      const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isMissing) log.warn({ err: error }, "what was matched before is computed anew");
      return [];
    }
  }

  /** Replaces the file. Throws nothing: nothing depends on it. */
  async save(tags: Iterable<KnownTag>): Promise<void> {
    const { path, log } = this.#options;
    const parts: Buffer[] = [];
    for (const [question, tag] of tags) {
      parts.push(Buffer.from(question, "base64"), tag);
      if (parts.length % (2 * ENTRIES_AT_ONCE) === 0) await breathe();
    }
    const sealed = sealWith(this.#key, Buffer.concat(parts), Buffer.from(LABEL), randomBytes);
    try {
      await replaceSecretFile(path, sealed);
    } catch (error) {
      log.warn({ err: error }, "what was matched cannot be saved");
    }
  }
}
