/**
 * The floors of one tenant (PROTOCOL.md §4): for each path the serial and digest of the newest document that any
 * bridge accepted. ZooKeeper cannot go back below them: not while a bridge runs, and not past a restart, since they
 * are kept in the tenant's compacted directory topic in Kafka and read before anything is served.
 */
import { randomBytes } from "node:crypto";
import { VeilError } from "../../core/errors.ts";
import { Backoff, type BackoffOptions, pause } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { i2osp, join, lp } from "../../core/scheme/bytes.ts";
import { INTERNAL_KIND, type InternalStore } from "../../core/wire/store.ts";
import type { TopicEntry } from "../store/topic-entry.ts";
import type { Version } from "./version.ts";

const SERIAL_BYTES = 8;
const DIGEST_BYTES = 32;
/** A fleet's floors go in several goes: the topic's queue is bounded. */
const APPENDED_AT_ONCE = 2_000;

export interface RecordTiming {
  /** Other bridges see the same change: who waits a little often finds it recorded by the one that imported it. */
  readonly delay: BackoffOptions;
  /** Between attempts while Kafka is away. */
  readonly retry: BackoffOptions;
}
const DEFAULT_TIMING: RecordTiming = {
  delay: { minMs: 500, maxMs: 2_000 },
  retry: { minMs: 500, maxMs: 30_000 },
};

/** Where floors are kept: the part of a CompactedTopic that they need. */
export interface FloorTopic {
  /** Resolves when Kafka has the entry with acks=all. */
  append(entry: TopicEntry): Promise<void>;
}

export interface FloorsOptions {
  readonly store: InternalStore;
  readonly topic: FloorTopic;
  readonly log: Logger;
  readonly timing?: RecordTiming;
}

interface Floor {
  readonly serial: number;
  digest: string;
  recorded: boolean;
}

export class Floors {
  readonly #options: FloorsOptions;
  readonly #floors = new Map<string, Floor>();
  /** Paths still to be recorded; at most one entry per document of the tenant. */
  readonly #due = new Set<string>();
  readonly #stopping = new AbortController();
  #recorder: Promise<void> | undefined;

  constructor(options: FloorsOptions) {
    this.#options = options;
  }

  /** Ends the recording beside; what is not recorded yet is found above its floor at the next start, and recorded then. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#recorder;
  }

  /** Throws ROLLED_BACK where `version` is below its floor, or at it with other bytes. */
  check({ path, serial, digest }: Version): void {
    const floor = this.#floors.get(path);
    if (!floor || serial > floor.serial) return;
    if (serial < floor.serial)
      throw new VeilError("ROLLED_BACK", `serial ${serial} is below ${floor.serial}, seen before`);
    if (digest !== floor.digest)
      throw new VeilError("ROLLED_BACK", `another document had serial ${serial} before`);
  }

  /** Makes a version that passed `check` the floor, in this process. */
  raise({ path, serial, digest }: Version): void {
    const floor = this.#floors.get(path);
    if (floor?.digest === digest) {
      // The same string, and that of the document which is in force, too: so it is there once.
      floor.digest = digest;
      return;
    }
    this.#floors.set(path, { serial, digest, recorded: false });
  }

  isRecorded(path: string): boolean {
    return this.#floors.get(path)?.recorded === true;
  }

  /** Records the floor of `path` beside everything else, again and again until Kafka has it. */
  recordSoon(path: string): void {
    if (this.isRecorded(path)) return;
    this.#due.add(path);
    this.#recorder ??= this.#recordDue();
  }

  /** Resolves when Kafka has the floors of `paths`. Throws what the topic throws; then they are recorded beside. */
  async record(paths: readonly string[]): Promise<void> {
    const open = paths.filter((path) => !this.isRecorded(path));
    if (open.length === 0) return;
    try {
      await this.#append(open);
    } catch (error) {
      for (const path of open) this.recordSoon(path);
      throw error;
    }
  }

  /** After the topic was lost: all floors are recorded anew, beside everything else. */
  recordAgain(): void {
    for (const [path, floor] of this.#floors) {
      floor.recorded = false;
      this.recordSoon(path);
    }
  }

  /** What the topic holds, in its order: at the start, and then what this and other bridges append. */
  read({ key, value }: TopicEntry): void {
    const version = value && decodeFloor(this.#options.store, key, value);
    if (!version) {
      if (value) this.#options.log.warn("an entry of the directory topic does not open");
      return;
    }
    const floor = this.#floors.get(version.path);
    if (!floor || version.serial > floor.serial) {
      const { serial, digest } = version;
      this.#floors.set(version.path, { serial, digest, recorded: true });
    } else if (version.digest === floor.digest) {
      floor.recorded = true;
    } else {
      // Two bridges crossed, and compaction would keep the lower one: the higher has to come last.
      floor.recorded = false;
      this.recordSoon(version.path);
    }
  }

  async #recordDue(): Promise<void> {
    const { signal } = this.#stopping;
    const { delay, retry: pauses } = this.#options.timing ?? DEFAULT_TIMING;
    const { minMs, maxMs } = delay;
    const retry = new Backoff(pauses);
    while (this.#due.size > 0) {
      if (!(await pause(minMs + Math.random() * (maxMs - minMs), signal))) return;
      const paths = [...this.#due].filter((path) => !this.isRecorded(path));
      this.#due.clear();
      try {
        await this.#append(paths);
        retry.reset();
      } catch (error) {
        for (const path of paths) this.#due.add(path);
        this.#options.log.warn({ err: error, documents: paths.length }, "floors wait for Kafka");
        if (!(await retry.wait(signal))) return;
      }
    }
    this.#recorder = undefined;
  }

  async #append(paths: readonly string[]): Promise<void> {
    const { topic } = this.#options;
    for (let from = 0; from < paths.length; from += APPENDED_AT_ONCE)
      await Promise.all(
        paths.slice(from, from + APPENDED_AT_ONCE).map(async (path) => {
          const floor = this.#floors.get(path);
          if (!floor) return;
          await topic.append(encodeFloor(this.#options.store, { path, ...floor }));
          // A floor raised meanwhile is another object, and not recorded.
          floor.recorded = true;
        }),
      );
  }
}

/** `serial(8) ‖ SHA-256 of the document(32) ‖ lp(path)`, sealed under the entry key of the path. */
function encodeFloor(store: InternalStore, { path, serial, digest }: Version): TopicEntry {
  const key = store.entryKey(INTERNAL_KIND.directory, Buffer.from(path, "utf8"));
  const plain = join(i2osp(serial, SERIAL_BYTES), Buffer.from(digest, "base64"), lp(path));
  return { key, value: store.seal(key, plain, randomBytes) };
}

/** `null` where the entry is not one of ours. */
function decodeFloor(store: InternalStore, key: Buffer, value: Buffer): Version | null {
  let plain: Buffer;
  try {
    plain = store.open(key, value);
  } catch {
    return null;
  }
  const pathAt = SERIAL_BYTES + DIGEST_BYTES;
  if (plain.length < pathAt + 2) return null;
  const path = plain.subarray(pathAt + 2);
  if (path.length !== plain.readUInt16BE(pathAt)) return null;
  if (!store.entryKey(INTERNAL_KIND.directory, path).equals(key)) return null;
  return {
    path: path.toString("utf8"),
    serial: Number(plain.readBigUInt64BE()),
    digest: plain.subarray(SERIAL_BYTES, pathAt).toString("base64"),
  };
}
