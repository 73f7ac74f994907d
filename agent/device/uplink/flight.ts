/**
 * What of one lane is on its way over one connection: read ahead, sent in order, acknowledged in order.
 * Nothing follows an announcement until its PUBACK is in (PROTOCOL.md §3), and nothing leaves while the outbox holds
 * anything of the same topic in an older epoch (§4, Epochs): that counts until it is acknowledged.
 */
import type { RefusalCode } from "../../../core/errors.ts";
import { decodeHeader } from "../../../core/scheme/record/header.ts";
import { decodeAnnouncement, kidOf } from "../../../core/wire/announcement.ts";
import type { OutboxReader } from "../outbox/api.ts";
import type { StoredEntry, StreamId } from "../outbox/entry.ts";
import type { KeptAnnouncements } from "./kept-announcements.ts";
import type { Lane } from "./lane.ts";

const READ_AHEAD = 32;
/** The sequence of an announcement that is sent again and not in the outbox any more; its entries begin with 1. */
const REPEATED = 0;

/** `new`: to be registered. `asked`: no answer yet. `open`: may send. `refused`: by the bridge, or parked. */
export type FlightState = "new" | "asked" | "open" | "refused";

export interface Sent {
  readonly entry: StoredEntry;
  hasPuback: boolean;
}

/** How far one stream has been read. */
class Cursor {
  readonly stream: StreamId;
  ahead: StoredEntry[] = [];
  after = 0;
  /** `lastSequence` of the outbox when it had no more of the stream. */
  drainedAt = -1;
  /** Whether the bridge knows, under this alias, the key of the records that come next. */
  isIntroduced: boolean;

  constructor(options: { stream: StreamId; isIntroduced: boolean }) {
    this.stream = options.stream;
    this.isIntroduced = options.isIntroduced;
  }
}

export interface FlightOptions {
  readonly lane: Lane;
  readonly outbox: OutboxReader;
  readonly announcements: Pick<KeptAnnouncements, "find">;
  /** An entry was put aside without being sent, which may let another lane go on. */
  readonly onRejected: (entry: StoredEntry, code: RefusalCode) => void;
}

export class Flight {
  readonly lane: Lane;
  readonly #options: FlightOptions;
  state: FlightState;
  /** When a lack of answer becomes a failure, on the clock of `performance.now()`. */
  answerDueMs = Number.POSITIVE_INFINITY;
  readonly #sent: Sent[] = [];
  readonly #cursors = new Map<StreamId, Cursor>();

  constructor(options: FlightOptions) {
    this.lane = options.lane;
    this.#options = options;
    this.state = options.lane.isParked ? "refused" : "new";
  }

  /** Entries without their PUBACK, oldest first. */
  get sent(): readonly Sent[] {
    return this.#sent;
  }

  /** The entry to send next; `undefined` where there is none now. Throws DISK. */
  async next(): Promise<StoredEntry | undefined> {
    if (this.state !== "open" || this.#awaitsAnnouncement() || this.#awaitsElders())
      return undefined;
    for (const stream of this.lane.streams) {
      const entry = await this.#nextOf(this.#cursor(stream));
      if (entry) return entry;
    }
    return undefined;
  }

  /** `entry`, from `next`, is sent. */
  markSent(entry: StoredEntry): Sent {
    const sent = { entry, hasPuback: false };
    this.#sent.push(sent);
    const cursor = this.#cursor(entry.stream);
    if (entry.kind === "announcement") cursor.isIntroduced = true;
    if (entry.sequence !== REPEATED) advance(cursor, entry);
    return sent;
  }

  /** The PUBACK of one entry is in; returns those that are done now, in order. */
  markAnswered(sent: Sent): StoredEntry[] {
    sent.hasPuback = true;
    const open = this.#sent.findIndex((other) => !other.hasPuback);
    return this.#sent.splice(0, open < 0 ? this.#sent.length : open).map(({ entry }) => entry);
  }

  /** The entry in flight that a refusal names: a record by kid and seq, or an announcement by its kid. */
  find(kid: Buffer, seq: bigint): Sent | undefined {
    return this.#sent.find(({ entry }) => {
      if (entry.kind === "announcement")
        return kidOf(decodeAnnouncement(entry.payload)).equals(kid);
      const header = decodeHeader(entry.payload);
      return header.seq === seq && header.kid.equals(kid);
    });
  }

  /** The announcement in flight, if there is one. */
  announcement(): Sent | undefined {
    return this.#sent.find(({ entry }) => entry.kind === "announcement");
  }

  async #nextOf(cursor: Cursor): Promise<StoredEntry | undefined> {
    const { outbox, onRejected } = this.#options;
    for (;;) {
      const entry = cursor.ahead[0] ?? (await this.#readAhead(cursor));
      if (!entry) return undefined;
      const introduction = this.#introduction(cursor, entry);
      const code = this.#refusedKid(entry) ?? (introduction ? undefined : "EPOCH");
      if (code === undefined) return introduction;
      await outbox.reject(entry, code);
      advance(cursor, entry);
      onRejected(entry, code);
    }
  }

  /**
   * `entry` itself, or what has to be sent before it: under an alias of a newer epoch its key is not known. `undefined`
   * where its announcement is gone: then no bridge can take it.
   */
  #introduction(cursor: Cursor, entry: StoredEntry): StoredEntry | undefined {
    const { stream, isIntroduced } = cursor;
    if (isIntroduced || entry.kind === "announcement") return entry;
    const payload = this.#options.announcements.find(stream);
    if (!payload || !isOfKey(entry, payload)) return undefined;
    return { stream, kind: "announcement", payload, sequence: REPEATED, ordinal: REPEATED };
  }

  #cursor(stream: StreamId): Cursor {
    const known = this.#cursors.get(stream);
    if (known) return known;
    const cursor = new Cursor({ stream, isIntroduced: stream === this.lane.stream });
    this.#cursors.set(stream, cursor);
    return cursor;
  }

  #awaitsAnnouncement(): boolean {
    return this.#sent.at(-1)?.entry.kind === "announcement";
  }

  #awaitsElders(): boolean {
    const { outbox } = this.#options;
    return this.lane
      .elders()
      .some(({ streams }) => streams.some((stream) => outbox.depthOf(stream) > 0));
  }

  async #readAhead(cursor: Cursor): Promise<StoredEntry | undefined> {
    const { outbox } = this.#options;
    // Read before the question: what comes meanwhile is asked for again.
    const { lastSequence } = outbox;
    if (cursor.drainedAt === lastSequence) return undefined;
    cursor.ahead = await outbox.next(cursor.stream, cursor.after, READ_AHEAD);
    if (cursor.ahead.length === 0) cursor.drainedAt = lastSequence;
    return cursor.ahead[0];
  }

  #refusedKid(entry: StoredEntry): RefusalCode | undefined {
    const { refusedKids } = this.lane;
    if (refusedKids.size === 0 || entry.kind !== "record") return undefined;
    return refusedKids.get(decodeHeader(entry.payload).kid.toString("hex"));
  }
}

function advance(cursor: Cursor, entry: StoredEntry): void {
  cursor.ahead.shift();
  cursor.after = entry.sequence;
}

function isOfKey(record: StoredEntry, announcement: Buffer): boolean {
  return decodeHeader(record.payload).kid.equals(kidOf(decodeAnnouncement(announcement)));
}
