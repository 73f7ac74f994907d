/**
 * What of one partition was read already (PROTOCOL.md §3, "Order and repeats"). A record may repeat, never overtake:
 * per Kafka key (a producer's pseudonym) the current kid with its highest sequence number, and the newest closed kids.
 * Anything at or below is a repeat, as is any record of a closed kid. No clock decides: the operator sets Kafka's, and
 * a device may have none (docs/decisions/014-closed-kids-and-scans.md).
 */
import { z } from "zod";
import { decimalField } from "../../core/wire/fields.ts";

/** Kept of each Kafka key; a device makes one a week, and one at each start. */
const MAX_CLOSED_KIDS = 1000;

/** Where a record stands in its producer's stream. */
export interface Position {
  /** The Kafka key, hex. */
  readonly producer: string;
  /** The kid, hex. */
  readonly kid: string;
  readonly seq: bigint;
}

export const marksSchema = z.record(
  z.string(),
  z.strictObject({
    kid: z.string(),
    seq: decimalField,
    /** Closed kids, the oldest first; in the checkpoints of earlier versions with Kafka's time of their closing. */
    closed: z.union([
      z.array(z.string()),
      z.record(z.string(), z.number()).transform((byTime) => Object.keys(byTime)),
    ]),
  }),
);
export type SavedMarks = z.output<typeof marksSchema>;

interface Mark {
  kid: string;
  seq: bigint;
  /** The oldest first. Never changed, only replaced: trials share it. */
  closed: ReadonlySet<string>;
}

export class Marks {
  readonly #marks = new Map<string, Mark>();
  /** Those that these are a trial of; none of others. */
  #base = new Map<string, Mark>();

  static restore(saved: SavedMarks): Marks {
    const marks = new Marks();
    for (const [producer, { kid, seq, closed }] of Object.entries(saved))
      marks.#marks.set(producer, {
        kid,
        seq: BigInt(seq),
        closed: new Set(closed),
      });
    return marks;
  }

  /** Whether a record of this producer was ever read here. */
  knows(producer: string): boolean {
    return this.#marks.has(producer);
  }

  /** Whether this very record was read here, whatever its producer is called. */
  hasRead({ kid, seq }: Pick<Position, "kid" | "seq">): boolean {
    return [...this.#marks.values()].some((mark) =>
      mark.kid === kid ? seq <= mark.seq : mark.closed.has(kid),
    );
  }

  isRepeat({ producer, kid, seq }: Position): boolean {
    const mark = this.#find(producer);
    if (!mark) return false;
    return kid === mark.kid ? seq <= mark.seq : mark.closed.has(kid);
  }

  /**
   * Moves the mark to a record that is no repeat. How many records between it and the one before it are missing, as far
   * as sequence numbers tell: the end of a kid they do not.
   */
  advance({ producer, kid, seq }: Position): bigint {
    const mark = this.#own(producer);
    if (!mark) {
      this.#marks.set(producer, { kid, seq, closed: new Set() });
      return 0n;
    }
    const missing = mark.kid === kid ? seq - mark.seq - 1n : seq;
    if (mark.kid !== kid) mark.closed = withClosed(mark.closed, mark.kid);
    mark.kid = kid;
    mark.seq = seq;
    return missing;
  }

  /** Marks that move on from these without moving them, until {@link keep}. */
  trial(): Marks {
    const trial = new Marks();
    trial.#base = this.#marks;
    return trial;
  }

  /** Moves the marks that these are a trial of. */
  keep(): void {
    for (const [producer, mark] of this.#marks) this.#base.set(producer, mark);
  }

  save(): SavedMarks {
    return Object.fromEntries(
      [...this.#marks].map(([producer, { kid, seq, closed }]) => [
        producer,
        { kid, seq: seq.toString(), closed: [...closed] },
      ]),
    );
  }

  #find(producer: string): Mark | undefined {
    return this.#marks.get(producer) ?? this.#base.get(producer);
  }

  /** One that may be moved. */
  #own(producer: string): Mark | undefined {
    const own = this.#marks.get(producer);
    const mark = this.#base.get(producer);
    if (own || !mark) return own;
    const copy = { ...mark };
    this.#marks.set(producer, copy);
    return copy;
  }
}

/** What is over the limit goes, the oldest first. */
function withClosed(closed: ReadonlySet<string>, kid: string): ReadonlySet<string> {
  return new Set([...closed, kid].slice(-MAX_CLOSED_KIDS));
}
