/**
 * An outbox without a disk, behind the interface of agent/device/outbox: what is appended is on the disk some time
 * later, what is acknowledged is forgotten there some time later, and kill -9 leaves the disk. That the real one keeps
 * to the same is in test/agent/device/outbox.
 */
import type { OutboxReader, OutboxWriter, StreamState } from "../../../agent/device/outbox/api.ts";
import type { NewEntry, StoredEntry, StreamId } from "../../../agent/device/outbox/entry.ts";
import { SequenceGate } from "../../../agent/device/outbox/sequence-gate.ts";
import type { Stage } from "./stage.ts";

/** What outlives the process. */
export interface Disk {
  readonly entries: StoredEntry[];
  readonly acknowledged: Map<StreamId, number>;
  readonly rejected: StoredEntry[];
}

export function emptyDisk(): Disk {
  return { entries: [], acknowledged: new Map(), rejected: [] };
}

export class SimOutbox implements OutboxReader, OutboxWriter {
  readonly #stage: Stage;
  readonly #disk: Disk;
  readonly #gate = new SequenceGate();
  readonly #acknowledged: Map<StreamId, number>;
  readonly #refused = new Set<number>();
  #isAlive = true;
  #writes = 0;

  constructor(options: { stage: Stage; disk: Disk }) {
    this.#stage = options.stage;
    this.#disk = options.disk;
    this.#acknowledged = new Map(options.disk.acknowledged);
    this.#gate.advance(options.disk.entries.length);
  }

  /** The process is gone: nothing of it reaches the disk any more. */
  kill(): void {
    this.#isAlive = false;
  }

  /** Writes under way. */
  get writes(): number {
    return this.#writes;
  }

  get lastSequence(): number {
    return this.#gate.value;
  }

  get depth(): number {
    return this.#disk.entries.filter((entry) => !this.#isDone(entry)).length;
  }

  depthOf(stream: StreamId): number {
    return this.#pending(stream).length;
  }

  streams(): StreamState[] {
    const streams = new Set(this.#disk.entries.map(({ stream }) => stream));
    return [...streams]
      .map((stream) => ({
        stream,
        depth: this.#pending(stream).length,
        acknowledged: this.#acknowledged.get(stream) ?? 0,
      }))
      .filter(({ depth }) => depth > 0);
  }

  async append(entries: readonly NewEntry[]): Promise<readonly number[]> {
    this.#writes += 1;
    return new Promise((resolve) => {
      this.#stage.later("fsync", () => {
        if (!this.#isAlive) return;
        const sequences = entries.map((entry) => this.#keep(entry));
        for (const [stream, sequence] of this.#acknowledged)
          this.#disk.acknowledged.set(stream, sequence);
        this.#gate.advance(this.#disk.entries.length);
        // Between the two the process may be killed: on the disk, and not reported as taken.
        this.#stage.later("taken", () => {
          if (!this.#isAlive) return;
          this.#writes -= 1;
          resolve(sequences);
        });
      });
    });
  }

  async next(stream: StreamId, after: number, max: number): Promise<StoredEntry[]> {
    return this.#pending(stream)
      .filter(({ sequence }) => sequence > after && !this.#refused.has(sequence))
      .slice(0, max);
  }

  acknowledge({ stream, sequence }: StoredEntry): void {
    if (!this.#isAlive) return;
    this.#acknowledged.set(stream, Math.max(sequence, this.#acknowledged.get(stream) ?? 0));
    this.#settle(stream);
  }

  async reject(entry: StoredEntry): Promise<void> {
    if (!this.#isAlive || this.#refused.has(entry.sequence)) return;
    this.#disk.rejected.push(entry);
    this.#refused.add(entry.sequence);
    this.#settle(entry.stream);
  }

  async waitBeyond(sequence: number, signal?: AbortSignal): Promise<void> {
    await this.#gate.wait(sequence, signal);
  }

  #keep(entry: NewEntry): number {
    const sequence = this.#disk.entries.length + 1;
    this.#disk.entries.push({ ...entry, sequence, ordinal: sequence });
    return sequence;
  }

  #isDone({ stream, sequence }: StoredEntry): boolean {
    return sequence <= (this.#acknowledged.get(stream) ?? 0);
  }

  #pending(stream: StreamId): StoredEntry[] {
    return this.#disk.entries.filter((entry) => entry.stream === stream && !this.#isDone(entry));
  }

  /** What is refused is done when it is the oldest of its stream. */
  #settle(stream: StreamId): void {
    for (const { sequence } of this.#pending(stream)) {
      if (!this.#refused.has(sequence)) return;
      this.#acknowledged.set(stream, sequence);
    }
  }
}
