/** Every record that was accepted and is neither confirmed nor rejected: counted, bounded, and known by session. */
import { VeilError } from "../../core/errors.ts";
import { type Entry, entryBytes, type Lane } from "./lane.ts";
import type { WriterLimits } from "./limits.ts";

const HIGH = 0.5;
const LOW = 0.25;

export interface BacklogOptions {
  readonly limits: Pick<WriterLimits, "maxBytes" | "maxPerSession">;
  /** `true` from half of `maxBytes` on, `false` below a quarter. */
  readonly onPressure: (isHigh: boolean) => void;
}

export class Backlog {
  readonly #options: BacklogOptions;
  readonly #sessions = new Map<object, Set<Entry>>();
  /** Sessions of which a record was rejected: nothing later of theirs may be written. */
  readonly #broken = new WeakSet<object>();
  #size = 0;
  #bytes = 0;
  #isHigh = false;
  #onDrained: (() => void) | undefined;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a record in; `onSettled` hears of its end. Throws DISCONNECTED for a broken session, LIMIT where there is
   * no room; that breaks the session, too.
   */
  add(
    record: Pick<Entry, "lane" | "session" | "key" | "value">,
    onSettled: (error?: VeilError) => void,
  ): Entry {
    const { session } = record;
    if (this.#broken.has(session)) throw sessionEnded();
    const entries = this.#sessions.get(session) ?? new Set<Entry>();
    const bytes = entryBytes(record);
    const { maxBytes, maxPerSession } = this.#options.limits;
    if (entries.size >= maxPerSession || this.#bytes + bytes > maxBytes) {
      this.#broken.add(session);
      throw new VeilError("LIMIT", "too many records wait for Kafka");
    }
    const entry: Entry = {
      ...record,
      settled: false,
      settle: (error) => {
        if (entry.settled) return;
        entry.settled = true;
        this.#remove(entry, bytes);
        onSettled(error);
      },
    };
    entries.add(entry);
    this.#sessions.set(session, entries);
    this.#size += 1;
    this.#bytes += bytes;
    this.#report();
    return entry;
  }

  /** Rejects all of a session's records and all that will come; returns where they waited. */
  dropSession(session: object): ReadonlySet<Lane> {
    this.#broken.add(session);
    return settleAll([...(this.#sessions.get(session) ?? [])], sessionEnded());
  }

  /** Rejects a record with `error`, and as `dropSession` what its session wrote after it. */
  reject(entry: Entry, error: VeilError): ReadonlySet<Lane> {
    this.#broken.add(entry.session);
    const entries = [...(this.#sessions.get(entry.session) ?? [])];
    const later = entries.slice(entries.indexOf(entry) + 1);
    entry.settle(error);
    return settleAll(later, sessionEnded());
  }

  rejectAll(error: VeilError): void {
    for (const entries of [...this.#sessions.values()])
      for (const entry of [...entries]) entry.settle(error);
  }

  /** Resolves when nothing is left. One caller at a time. */
  async drained(): Promise<void> {
    if (this.#size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
  }

  #remove(entry: Entry, bytes: number): void {
    const entries = this.#sessions.get(entry.session);
    entries?.delete(entry);
    if (entries?.size === 0) this.#sessions.delete(entry.session);
    this.#size -= 1;
    this.#bytes -= bytes;
    this.#report();
    if (this.#size === 0) this.#onDrained?.();
  }

  #report(): void {
    const { limits, onPressure } = this.#options;
    const isHigh = this.#bytes > limits.maxBytes * (this.#isHigh ? LOW : HIGH);
    if (isHigh === this.#isHigh) return;
    this.#isHigh = isHigh;
    onPressure(isHigh);
  }
}

function settleAll(entries: readonly Entry[], error: VeilError): ReadonlySet<Lane> {
  for (const entry of entries) entry.settle(error);
  return new Set(entries.map(({ lane }) => lane));
}

function sessionEnded(): VeilError {
  return new VeilError("DISCONNECTED", "an earlier record of this session was not written");
}
