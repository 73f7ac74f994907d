/**
 * The last record of an alias that was taken, and until when others like it are: nearly every record is like the one before it,
 * and is taken as that was. Judged anew is what differs, and everything once something has changed in the directory or has ended.
 */
import { RecordLikeness } from "../../core/scheme/record/header.ts";
import type { Terms } from "./terms.ts";

export class Precedent extends RecordLikeness {
  readonly #changes: number;
  readonly #untilMs: number;

  /** Of a record that was taken under `terms`, and whose kid was announced. */
  constructor(record: Buffer, { changes, untilMs }: Pick<Terms, "changes" | "untilMs">) {
    super(record);
    this.#changes = changes;
    this.#untilMs = untilMs;
  }

  /** Whether a record is to be taken, too: `changes` of the directory, and the time, milliseconds since 1970. */
  covers(record: Buffer, changes: number, nowMs: number): boolean {
    return this.#changes === changes && nowMs < this.#untilMs && this.holds(record);
  }
}
