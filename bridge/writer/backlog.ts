/** Every record that was accepted and is neither confirmed nor rejected: counted, bounded, and known by session. */
import { VeilError } from "../../core/errors.ts";
import { Entry, type Lane } from "./lane.ts";
import type { WriterLimits } from "./limits.ts";
import type { WriterRecord } from "./record.ts";
import { SessionEntries } from "./session-entries.ts";

const HIGH = 0.5;
const LOW = 0.25;

export interface BacklogOptions {
  readonly limits: Pick<WriterLimits, "maxBytes" | "maxPerSession">;
  /** `true` from half of `maxBytes` on, `false` below a quarter. */
  readonly onPressure: (isHigh: boolean) => void;
}

export class Backlog {
  readonly #options: BacklogOptions;
  readonly #sessions = new Map<object, SessionEntries>();
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
   * Takes a record in. `null` where it is settled already: DISCONNECTED for a broken session, LIMIT where there is no
   * room, which breaks the session, too.
   */
  add(lane: Lane, record: WriterRecord): Entry | null {
    const { session } = record;
    if (this.#broken.has(session)) {
      record.onSettled(sessionEnded());
      return null;
    }
    const entry = new Entry(lane, record, this.#onGone);
    const entries = this.#sessions.get(session) ?? new SessionEntries();
    const { maxBytes, maxPerSession } = this.#options.limits;
    if (entries.size >= maxPerSession || this.#bytes + entry.bytes > maxBytes) {
      this.#broken.add(session);
      record.onSettled(new VeilError("LIMIT", "too many records wait for Kafka"));
      return null;
    }
    entries.add(entry);
    if (entries.size === 1) this.#sessions.set(session, entries);
    this.#size += 1;
    this.#bytes += entry.bytes;
    this.#report();
    return entry;
  }

  /** Rejects all of a session's records and all that will come; returns where they waited. */
  dropSession(session: object): ReadonlySet<Lane> {
    this.#broken.add(session);
    return settleAll(this.#sessions.get(session)?.list() ?? [], sessionEnded());
  }

  /** Rejects a record with `error`, and as `dropSession` what its session wrote after it. */
  reject(entry: Entry, error: VeilError): ReadonlySet<Lane> {
    this.#broken.add(entry.session);
    const later = this.#sessions.get(entry.session)?.list(entry) ?? [];
    entry.settle(error);
    return settleAll(later, sessionEnded());
  }

  rejectAll(error: VeilError): void {
    for (const entries of [...this.#sessions.values()])
      for (const entry of entries.list()) entry.settle(error);
  }

  /** Resolves when nothing is left. One caller at a time. */
  async drained(): Promise<void> {
    if (this.#size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
  }

  readonly #onGone = ({ session, bytes }: Entry): void => {
    const entries = this.#sessions.get(session);
    entries?.settled();
    if (entries?.size === 0) this.#sessions.delete(session);
    this.#size -= 1;
    this.#bytes -= bytes;
    this.#report();
    if (this.#size === 0) this.#onDrained?.();
  };

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
