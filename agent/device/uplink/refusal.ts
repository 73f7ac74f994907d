/**
 * What a device does about a refusal of its bridge (PROTOCOL.md §5), decided from what it knows alone:
 *
 *   code                     the bridge names …   in flight        the lane's epoch   → verdict
 *   REVOKED                  anything                                                  revoked
 *   EPOCH                    anything             inherited                            give-up
 *   BAD_RECORD, TOO_LARGE    anything             yes                                  reject
 *   BAD_RECORD, TOO_LARGE    a record             no                                   ignore
 *   EPOCH                    a record             yes              newest              reject
 *   EPOCH                    a record             no               newest              ignore
 *   EPOCH                    anything                              older               over
 *   all else                                                                           park
 *
 * A bridge has no words for an announcement: where the alias is named, the announcement in flight is meant; an alias
 * cannot be malformed or too large. Grants, revocations and limits may change, so nothing is rejected for them. A record
 * of an epoch that is over is not to blame: its whole lane stays where it is.
 */
import type { RefusalCode } from "../../../core/errors.ts";

export interface Refused {
  readonly code: RefusalCode;
  readonly named: "record" | "alias";
  /** The entry that is meant, if it is on its way: `inherited` if its epoch is older than its alias's. */
  readonly inFlight: "no" | "own" | "inherited";
  /** Whether the alias is of the newest epoch that the device has keys of. */
  readonly isNewestEpoch: boolean;
}

/**
 * `revoked`: the client is. `give-up`: no alias takes the entry's older epoch any more. `reject`: the entry would be
 * refused whenever it is sent, and goes into `rejected/`. `ignore`: nobody knows what was refused. `over`: the lane's
 * epoch has ended, and its entries go under a newer name. `park`: the lane waits and is asked for again.
 */
export type Verdict = "revoked" | "give-up" | "reject" | "ignore" | "over" | "park";

export function judgeRefusal({ code, named, inFlight, isNewestEpoch }: Refused): Verdict {
  if (code === "REVOKED") return "revoked";
  if (code === "EPOCH" && inFlight === "inherited") return "give-up";
  if (code === "EPOCH" && !isNewestEpoch) return "over";
  const isOfEntry =
    code === "BAD_RECORD" || code === "TOO_LARGE" || (code === "EPOCH" && named === "record");
  if (isOfEntry && inFlight !== "no") return "reject";
  return isOfEntry && named === "record" ? "ignore" : "park";
}

/** What the log says beside a refusal. */
export const HINTS: Record<RefusalCode, string> = {
  NO_GRANT: "its readings wait in the outbox until the owner grants it: `veilmq kms grant`",
  BAD_TOKEN: "does the credential belong to the keys that are in force at the bridge?",
  BAD_RECORD: "it is kept in rejected/; was this client enrolled with another key meanwhile?",
  TOO_LARGE: "it is kept in rejected/",
  EPOCH: "its keys are not in force at the bridge; newer ones come by themselves, as mail",
  REVOKED: "the owner has revoked this client",
  LIMIT: "the bridge is busy with this client; it is asked again in some seconds",
};
