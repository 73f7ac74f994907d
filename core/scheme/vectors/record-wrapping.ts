/** What a record file says of its key before derivation, whatever the suite. */
import type { SuiteName } from "../suite.ts";
import type { Comparisons } from "./comparison.ts";

export interface RecordWrapping {
  readonly suite: Exclude<SuiteName, "paper">;
  /** r or S, W and V against each other, by the halves that the file gives. */
  comparisons(): Comparisons;
  /** The IKM of PROTOCOL.md §3. Throws BAD_ARGUMENT where the file gives no way to it. */
  ikm(): Buffer;
}
