/**
 * The promise of the device: a reading reported as taken survives kill -9 and power loss until the bridge
 * has acknowledged it (PROTOCOL.md §7). A log of segment files of our own: append at the end, fsync in
 * groups, read by stream, remove what is done. codec.ts has the bytes, ledger.ts the index and why it is
 * sparse, recovery.ts what opening does, log.ts the writing, retention.ts how room is made.
 */
import { type RefusalCode, VeilError } from "../../../core/errors.ts";
import { makeFolder } from "../../../core/runtime/files.ts";
import { FolderLock } from "../../../core/runtime/folder-lock.ts";
import { AgeClock, type MachineClock } from "./age-clock.ts";
import type { OutboxReader, OutboxWriter, StreamState } from "./api.ts";
import { checkFooter } from "./damage.ts";
import { checkEntry, type NewEntry, type StoredEntry, type StreamId } from "./entry.ts";
import { GroupCommit } from "./group-commit.ts";
import type { Ledger } from "./ledger.ts";
import { type Appended, diskBytes, diskError, OutboxLog } from "./log.ts";
import type { OutboxOptions, OutboxReport } from "./options.ts";
import { recover } from "./recovery.ts";
import { Refusals } from "./refusals.ts";
import { RejectedFolder } from "./rejected.ts";
import { Residents } from "./residents.ts";
import type { Store } from "./retention.ts";
import { SequenceGate } from "./sequence-gate.ts";

const MACHINE: MachineClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  isSet: () => false,
};
const DEFAULTS = {
  syncIntervalMs: 200,
  syncBytes: 64 * 1024,
  segmentBytes: 2 ** 20,
  maxBytes: 2 ** 30,
  maxAgeMs: 60 * 24 * 3600 * 1000,
  policy: "oldest" as "oldest" | "newest",
  machine: MACHINE,
  onReport: (_report: OutboxReport): void => undefined,
};
const MIN_SEGMENTS = 4;
const MAX_PENDING_BYTES = 4 * 2 ** 20;
const RESIDENT_SEGMENTS = 3;
/** What is too old goes even where nothing comes or leaves. */
const EXPIRY_INTERVAL_MS = 3600 * 1000;

/** What exists between start and stop. */
interface Live {
  readonly lock: FolderLock;
  readonly ledger: Ledger;
  readonly residents: Residents;
  readonly log: OutboxLog;
  readonly commits: GroupCommit<Appended>;
}

export class Outbox implements OutboxReader, OutboxWriter {
  readonly #options: typeof DEFAULTS & OutboxOptions;
  readonly #rejected: RejectedFolder;
  readonly #refusals = new Refusals();
  readonly #gate = new SequenceGate();
  #live: Live | null = null;
  #expiry: NodeJS.Timeout | undefined;
  #nextSequence = 1;
  #rejectedRecords = 0;

  constructor(options: OutboxOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#rejected = new RejectedFolder({
      folder: options.rejectedFolder,
      onDropped: (records) => {
        this.#rejectedRecords -= records;
        this.#options.onReport({ event: "rejected-dropped", records });
      },
    });
  }

  /**
   * Takes the folder and reads what is in it. Throws UNAVAILABLE where another process has it, DISK,
   * CONFIG on a bound that is too small, BAD_DOCUMENT on another version's files.
   */
  async start(): Promise<void> {
    const { folder, segmentBytes, maxBytes, onReport } = this.#options;
    if (maxBytes < MIN_SEGMENTS * segmentBytes)
      throw new VeilError(
        "CONFIG",
        `the outbox needs at least ${MIN_SEGMENTS * segmentBytes} bytes`,
      );
    await makeFolder(folder).catch(throwDiskError);
    const lock = await FolderLock.take(folder);
    try {
      const found = await recover(folder).catch(throwDiskError);
      const { ledger } = found;
      const residents = this.#residentsFor(ledger);
      const clock = new AgeClock(this.#options.machine, found.stamp);
      const log = this.#logFor({ folder, ledger, residents }, clock);
      await log.start(found.newest).catch(throwDiskError);
      this.#rejectedRecords = await this.#rejected.count().catch(throwDiskError);
      this.#nextSequence = found.nextSequence;
      this.#gate.advance(ledger.last);
      const commits = this.#commitsFor(log, ledger);
      this.#live = { lock, ledger, residents, log, commits };
      commits.nudge();
      this.#expiry = setInterval(() => commits.nudge(), EXPIRY_INTERVAL_MS);
      const { tornBytes, damage } = found;
      if (tornBytes > 0) onReport({ event: "torn", bytes: tornBytes });
      if (damage.bytes > 0) onReport({ event: "damaged", ...damage });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Makes durable what waits, and lets the folder go. */
  async stop(): Promise<void> {
    const live = this.#live;
    if (live === null) return;
    this.#live = null;
    clearInterval(this.#expiry);
    this.#gate.close();
    await live.commits.flush();
    await live.log.stop();
    await live.lock.release();
  }

  #residentsFor(ledger: Ledger): Residents {
    const { onReport } = this.#options;
    return new Residents({
      maxSegments: RESIDENT_SEGMENTS,
      onFirstRead: (segment, content) => {
        // Dropped while it was read: it is counted no more.
        if (!ledger.segments.includes(segment)) return;
        const damage = checkFooter(ledger, segment, content);
        if (damage) onReport({ event: "damaged", ...damage });
      },
    });
  }

  #logFor(store: Store, clock: AgeClock): OutboxLog {
    const { segmentBytes, maxBytes, maxAgeMs, policy, onReport } = this.#options;
    return new OutboxLog({
      store,
      clock,
      segmentBytes,
      maxBytes,
      maxAgeMs,
      dropsOldest: policy === "oldest",
      onReport,
    });
  }

  #commitsFor(log: OutboxLog, ledger: Ledger): GroupCommit<Appended> {
    const commits: GroupCommit<Appended> = new GroupCommit({
      intervalMs: this.#options.syncIntervalMs,
      maxBytes: this.#options.syncBytes,
      maxPendingBytes: MAX_PENDING_BYTES,
      commit: async (items) => {
        const error = await log.commit(items);
        if (error) commits.rejectPending(error);
        this.#gate.advance(ledger.last);
      },
    });
    return commits;
  }

  get lastSequence(): number {
    return this.#gate.value;
  }

  get depth(): number {
    return this.#live?.ledger.depth ?? 0;
  }

  depthOf(stream: StreamId): number {
    return this.#live?.ledger.depthOf(stream) ?? 0;
  }

  /** What the segments take on disk. */
  get bytes(): number {
    return this.#live?.ledger.bytes ?? 0;
  }

  /** Records dropped at the bound since the start. */
  get droppedRecords(): number {
    return this.#live?.log.droppedRecords ?? 0;
  }

  /** Records in `rejected/`, from earlier runs too. */
  get rejectedRecords(): number {
    return this.#rejectedRecords;
  }

  streams(): StreamState[] {
    return this.#live?.ledger.streams() ?? [];
  }

  async append(entries: readonly NewEntry[]): Promise<readonly number[]> {
    const { ledger, log, commits } = this.#running();
    for (const entry of entries) checkEntry(entry);
    if (entries.length === 0) return [];
    const bytes = diskBytes(entries);
    const { policy, maxBytes } = this.#options;
    if (policy === "newest" && ledger.bytes + commits.pendingBytes + bytes > maxBytes)
      throw atBound("the outbox is full");
    if (policy === "newest" && log.isOverAge)
      throw atBound("the outbox holds readings as old as it may");
    const first = this.#nextSequence;
    this.#nextSequence += entries.length;
    const appended = entries.map((entry, i) => ({ ...entry, sequence: first + i }));
    await commits.add(appended, bytes);
    return appended.map(({ sequence }) => sequence);
  }

  async next(stream: StreamId, after: number, max: number): Promise<StoredEntry[]> {
    const { ledger, residents } = this.#running();
    for (let from = Math.max(after, ledger.acknowledged(stream)); ; ) {
      // Asked anew after every wait: segments come and go meanwhile.
      const segment = ledger.holding(stream, from);
      const last = segment?.tallies.get(stream)?.last;
      if (segment === undefined || last === undefined) return [];
      const all = await residents.get(segment).catch((cause) => {
        // Dropped at the bound while it was read: what was in it is no longer to be sent.
        if (!ledger.segments.includes(segment)) return null;
        throw diskError(cause);
      });
      const found = entriesAfter(all?.get(stream) ?? [], from, max, this.#refusals);
      if (found.length > 0) return found;
      from = Math.max(from, last);
    }
  }

  acknowledge(entry: StoredEntry): void {
    const { ledger, residents, log, commits } = this.#running();
    ledger.acknowledge(entry);
    this.#refusals.settle(entry.stream, ledger);
    residents.release(entry.stream, ledger.acknowledged(entry.stream));
    log.markDirty(entry.stream);
    commits.nudge();
  }

  async reject(entry: StoredEntry, code: RefusalCode): Promise<void> {
    const { ledger, log, commits } = this.#running();
    if (this.#refusals.has(entry) || entry.sequence <= ledger.acknowledged(entry.stream)) return;
    await this.#rejected.keep(entry, code, Date.now()).catch(throwDiskError);
    this.#rejectedRecords++;
    this.#refusals.add(entry);
    this.#refusals.settle(entry.stream, ledger);
    log.markDirty(entry.stream);
    commits.nudge();
  }

  async waitBeyond(sequence: number, signal?: AbortSignal): Promise<void> {
    this.#running();
    await this.#gate.wait(sequence, signal);
  }

  #running(): Live {
    if (this.#live === null) throw new VeilError("STOPPED", "the outbox is not running");
    return this.#live;
  }
}

/** At most `max` of `entries` after the sequence `after`, without those that are refused. */
function entriesAfter(
  entries: readonly StoredEntry[],
  after: number,
  max: number,
  refusals: Refusals,
): StoredEntry[] {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.sequence ?? 0) <= after) low = middle + 1;
    else high = middle;
  }
  const found: StoredEntry[] = [];
  for (let i = low; i < entries.length && found.length < max; i++) {
    const entry = entries[i];
    if (entry && !refusals.has(entry)) found.push(entry);
  }
  return found;
}

function atBound(message: string): VeilError {
  return new VeilError("LIMIT", message, {
    hint: "it empties when the bridge can be reached; its bounds are set in agent.yaml",
  });
}

function throwDiskError(cause: unknown): never {
  throw diskError(cause);
}
