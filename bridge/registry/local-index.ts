/**
 * The bridge's own copy of its tenants' registries, in LevelDB: found by entry key, listed by a lookup prefix.
 * Values are sealed as they are in Kafka and keys are HMACs, so that the folder tells its reader nothing. It may be
 * deleted at any time: everything in it is read again from Kafka.
 */
import { rm } from "node:fs/promises";
import { type BatchOperation, ClassicLevel, type KeyIterator } from "classic-level";
import { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import { i2osp, sha256 } from "../../core/scheme/bytes.ts";

const REALM_BYTES = 8;
/** Of a lookup prefix. */
export const LOOKUP_BYTES = 16;
const ENTRY_KEY_BYTES = 32;
/** The first byte of a key. */
const SPACE = { position: 0, entry: 1, lookup: 2 } as const;
/** Of a time of use. */
const TIME_BYTES = 8;
/** Of what lies in the index: another one is as good as none. */
const FORMAT = 2;
/** Entries looked at between two breaths of the event loop. */
const WALKED_AT_ONCE = 1_000;
/** Of the few keys of a listing: LevelDB's binding keeps room for as many until V8 collects the iterator, which looks small to it. */
const LISTED_AT_ONCE = 16;

type Database = ClassicLevel<Buffer, Buffer>;

/** Where an entry lies. */
export interface IndexPlace {
  readonly entryKey: Buffer;
  /** 16 bytes, the same for all entries that are listed together. */
  readonly lookup: Buffer;
}

/** One entry: `sealed` null deletes it. */
export type IndexEntry = IndexPlace &
  (
    | {
        readonly sealed: Buffer;
        /** Milliseconds since 1970. */
        readonly usedAtMs: number;
      }
    | { readonly sealed: null }
  );

/** How far the topic has been taken in. */
export interface SavedPosition {
  readonly next: bigint;
  readonly savedAtMs: number;
}

const positionSchema = z.strictObject({
  format: z.literal(FORMAT),
  next: z.string().regex(/^\d{1,19}$/),
  savedAtMs: z.number(),
});

export class LocalIndex {
  readonly #folder: string;
  #database: Database | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Opens or makes it; one that cannot be opened is made anew. Throws DISK where that fails, or another process has it. */
  async open(): Promise<void> {
    try {
      this.#database = await openDatabase(this.#folder);
    } catch (cause) {
      if (isLocked(cause))
        throw new VeilError("DISK", "another process uses the bridge's state folder", {
          hint: "each bridge needs a stateDir of its own",
        });
      await rm(this.#folder, { recursive: true, force: true });
      this.#database = await openDatabase(this.#folder).catch((again: unknown) => {
        throw new VeilError("DISK", "the registry's index cannot be made", { cause: again });
      });
    }
  }

  async close(): Promise<void> {
    await this.#database?.close();
  }

  /** The part of the index that belongs to one topic. */
  realm(topic: string): IndexRealm {
    if (!this.#database) throw new VeilError("STOPPED", "the registry's index is closed");
    return new IndexRealm(this.#database, topic);
  }
}

export class IndexRealm {
  readonly #database: Database;
  readonly #id: Buffer;

  constructor(database: Database, topic: string) {
    this.#database = database;
    this.#id = sha256(topic).subarray(0, REALM_BYTES);
  }

  async get(entryKey: Buffer): Promise<Buffer | undefined> {
    return this.#database.get(this.#key("entry", entryKey));
  }

  /** The entries under a lookup prefix, at most `limit`, in no meaningful order. */
  async list(lookup: Buffer, limit: number): Promise<{ entryKey: Buffer; sealed: Buffer }[]> {
    const prefix = this.#key("lookup", lookup);
    const keys = await listed(this.#database.keys({ ...within(prefix), limit }));
    if (keys.length === 0) return [];
    const entryKeys = keys.map((key) => key.subarray(prefix.length));
    const values = await this.#database.getMany(
      entryKeys.map((entryKey) => this.#key("entry", entryKey)),
    );
    return entryKeys.flatMap((entryKey, n) => {
      const sealed = values[n];
      return sealed ? [{ entryKey, sealed }] : [];
    });
  }

  /** When the entry was used last; `undefined` where there is none. */
  async usedAtMs({ lookup, entryKey }: IndexPlace): Promise<number | undefined> {
    const value = await this.#database.get(this.#key("lookup", lookup, entryKey));
    return value && timeOf(value);
  }

  /** All entries that were used last before `beforeMs`, as it was when this began. */
  async *unusedSince(beforeMs: number): AsyncGenerator<IndexPlace> {
    const prefix = this.#key("lookup");
    const iterator = this.#database.iterator(within(prefix));
    try {
      for (;;) {
        const walked = await iterator.nextv(WALKED_AT_ONCE);
        if (walked.length === 0) return;
        for (const [key, value] of walked) {
          if (timeOf(value) >= beforeMs) continue;
          const entryAt = prefix.length + LOOKUP_BYTES;
          yield { lookup: key.subarray(prefix.length, entryAt), entryKey: key.subarray(entryAt) };
        }
      }
    } finally {
      await iterator.close();
    }
  }

  /** Writes entries and, if it is given, how far the topic has been read with them: both or neither. */
  async write(entries: readonly IndexEntry[], next?: bigint): Promise<void> {
    const operations: BatchOperation<Database, Buffer, Buffer>[] = [];
    for (const entry of entries) {
      const { entryKey, lookup, sealed } = entry;
      const key = this.#key("entry", entryKey);
      const lookupKey = this.#key("lookup", lookup, entryKey);
      if (sealed)
        operations.push(
          { type: "put", key, value: sealed },
          { type: "put", key: lookupKey, value: i2osp(entry.usedAtMs, TIME_BYTES) },
        );
      else operations.push({ type: "del", key }, { type: "del", key: lookupKey });
    }
    if (next !== undefined) {
      const position = JSON.stringify({
        format: FORMAT,
        next: next.toString(),
        savedAtMs: Date.now(),
      });
      operations.push({ type: "put", key: this.#key("position"), value: Buffer.from(position) });
    }
    await this.#database.batch(operations);
  }

  /** `null` where nothing of this topic has been taken in, or what is noted cannot be understood. */
  async position(): Promise<SavedPosition | null> {
    const value = await this.#database.get(this.#key("position"));
    if (!value) return null;
    try {
      const { next, savedAtMs } = positionSchema.parse(JSON.parse(value.toString("utf8")));
      return { next: BigInt(next), savedAtMs };
    } catch {
      return null;
    }
  }

  /** Forgets everything of this topic; the position first, so that a crash in between is noticed. */
  async clear(): Promise<void> {
    await this.#database.del(this.#key("position"));
    for (const space of ["lookup", "entry"] as const)
      await this.#database.clear(within(this.#key(space)));
  }

  #key(space: keyof typeof SPACE, ...parts: Buffer[]): Buffer {
    return Buffer.concat([Uint8Array.of(SPACE[space]), this.#id, ...parts]);
  }
}

/** All keys that begin with `prefix`: none of the parts that follow is longer than its upper end. */
function within(prefix: Buffer): { gte: Buffer; lt: Buffer } {
  const end = Buffer.alloc(LOOKUP_BYTES + ENTRY_KEY_BYTES + 1, 0xff);
  return { gte: prefix, lt: Buffer.concat([prefix, end]) };
}

function timeOf(value: Buffer): number {
  return Number(value.readBigUInt64BE());
}

async function openDatabase(folder: string): Promise<Database> {
  const database: Database = new ClassicLevel(folder, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
  });
  await database.open();
  return database;
}

/** `LEVEL_LOCKED` is the cause of abstract-level's `LEVEL_DATABASE_NOT_OPEN`. */
function isLocked(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && error.code === "LEVEL_LOCKED") return true;
  return isLocked(error.cause);
}

/** In place of `all()`, which would make room for a thousand. */
async function listed(iterator: KeyIterator<Database, Buffer>): Promise<Buffer[]> {
  const found: Buffer[] = [];
  try {
    for (;;) {
      const more = await iterator.nextv(LISTED_AT_ONCE);
      found.push(...more);
      // So few are never cut short for their bytes.
      if (more.length < LISTED_AT_ONCE) return found;
    }
  } finally {
    await iterator.close();
  }
}
