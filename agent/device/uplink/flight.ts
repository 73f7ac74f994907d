/**
 * What of one lane is on its way over one connection: read ahead, sent in order, acknowledged in order.
 * Nothing follows an announcement until its PUBACK is in (PROTOCOL.md §3), and nothing leaves while the outbox holds
 * anything of the same topic in an older epoch (§4, Epochs): that counts until it is acknowledged.
 */
import type { RefusalCode } from "../../../core/errors.ts";
import { decodeHeader } from "../../../core/scheme/record/header.ts";
import { decodeAnnouncement, kidOf } from "../../../core/wire/announcement.ts";
import type { OutboxReader } from "../outbox/api.ts";
import type { StoredEntry } from "../outbox/entry.ts";
import type { Lane } from "./lane.ts";

const READ_AHEAD = 32;

/** `new`: to be registered. `asked`: no answer yet. `open`: may send. `refused`: by the bridge, or parked. */
export type FlightState = "new" | "asked" | "open" | "refused";

export interface Sent {
  readonly entry: StoredEntry;
  hasPuback: boolean;
}

export class Flight {
  readonly lane: Lane;
  readonly #outbox: OutboxReader;
  readonly #onRejected: () => void;
  state: FlightState;
  /** When a lack of answer becomes a failure, on the clock of `performance.now()`. */
  answerDueMs = Number.POSITIVE_INFINITY;
  readonly #sent: Sent[] = [];
  #ahead: StoredEntry[] = [];
  #after: number;
  /** `lastSequence` of the outbox when it had no more for this lane. */
  #drainedAt = -1;

  /** `onRejected`: an entry was put aside without being sent, which may let another lane go on. */
  constructor(options: { lane: Lane; outbox: OutboxReader; onRejected: () => void }) {
    this.lane = options.lane;
    this.#onRejected = options.onRejected;
    this.#outbox = options.outbox;
    this.#after = 0;
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
    for (;;) {
      const entry = this.#ahead[0] ?? (await this.#readAhead());
      if (!entry) return undefined;
      const code = this.#refusedKid(entry);
      if (code === undefined) return entry;
      await this.#outbox.reject(entry, code);
      this.#advance(entry);
      this.#onRejected();
    }
  }

  /** `entry`, from `next`, is sent. */
  markSent(entry: StoredEntry): Sent {
    const sent = { entry, hasPuback: false };
    this.#sent.push(sent);
    this.#advance(entry);
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

  #awaitsAnnouncement(): boolean {
    return this.#sent.at(-1)?.entry.kind === "announcement";
  }

  #awaitsElders(): boolean {
    return this.lane.elders().some(({ stream }) => this.#outbox.depthOf(stream) > 0);
  }

  async #readAhead(): Promise<StoredEntry | undefined> {
    // Read before the question: what comes meanwhile is asked for again.
    const { lastSequence } = this.#outbox;
    if (this.#drainedAt === lastSequence) return undefined;
    this.#ahead = await this.#outbox.next(this.lane.stream, this.#after, READ_AHEAD);
    if (this.#ahead.length === 0) this.#drainedAt = lastSequence;
    return this.#ahead[0];
  }

  #advance(entry: StoredEntry): void {
    this.#ahead.shift();
    this.#after = entry.sequence;
  }

  #refusedKid(entry: StoredEntry): RefusalCode | undefined {
    const { refusedKids } = this.lane;
    if (refusedKids.size === 0 || entry.kind !== "record") return undefined;
    return refusedKids.get(decodeHeader(entry.payload).kid.toString("hex"));
  }
}
