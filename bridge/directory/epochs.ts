/** Which epochs count now (PROTOCOL.md §4, "Epochs"): the head says until when, this bridge's clock decides. */
import { VeilError } from "../../core/errors.ts";
import type { EpochInForce } from "../../core/wire/parameters.ts";
import type { Client, Tenant } from "./types.ts";

/** Whether tokens and trapdoors of an epoch are taken: not past its grace window. */
export function isOfTags({ epochs }: Tenant, epoch: number, nowMs: number): boolean {
  const found = epochs.get(epoch);
  return found !== undefined && nowMs < (found.tagsUntilMs ?? Infinity);
}

/** An epoch for which {@link isOfTags} holds. Throws EPOCH where it does not. */
export function epochOfTags(tenant: Tenant, epoch: number, nowMs: number): EpochInForce {
  const found = tenant.epochs.get(epoch);
  if (!found || !isOfTags(tenant, epoch, nowMs)) throw notInForce();
  return found;
}

/** An epoch whose records and announcements are taken, and whose keys are released. Throws EPOCH. */
export function epochOfRecords({ epochs }: Tenant, epoch: number, nowMs: number): EpochInForce {
  const found = epochs.get(epoch);
  if (!found || nowMs >= (found.recordsUntilMs ?? Infinity)) throw notInForce();
  return found;
}

/**
 * Whether an epoch is newer than what this bridge has of the tenant or the client: another bridge knew it before, and its
 * documents are on their way. One that is older than what is here, and not here, has ended and does not come back.
 */
export function isStillToCome(
  { tenant: { epochs }, client: { halves } }: { readonly tenant: Tenant; readonly client: Client },
  epoch: number,
): boolean {
  const newest = (known: ReadonlyMap<number, unknown>): number => Math.max(0, ...known.keys());
  return epoch > newest(epochs) || epoch > newest(halves);
}

export function notInForce(): VeilError {
  return new VeilError("EPOCH", "this epoch is not in force");
}
