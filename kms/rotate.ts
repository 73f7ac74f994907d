/**
 * `kms rotate`: a new epoch, and the end of old ones (PROTOCOL.md §4, "Epochs").
 *
 *   keys → master.age → log → head            from master.age on the epochs count
 *        → per batch of clients: log → their files → enrolments, grants and mail
 *
 * Cut off before master.age, nothing has happened. Cut off after it, the next one goes on: the master file says which
 * clients have not been told, `state/rotating` which were just being told.
 */
import {
  changeEpochs,
  type EpochsChange,
  type EpochsChanged,
  resumeChange,
  unchanged,
} from "./change-epochs.ts";
import {
  checkRoom,
  DEFAULT_GRACE_MS,
  newestOf,
  nextEpoch,
  retired,
  withNewEpoch,
} from "./epochs.ts";
import { generateKeys, type KeyRequest, keyKindOf } from "./master-key.ts";
import { keyKindOfEpoch } from "./public-file.ts";
import type { Tenant } from "./tenant.ts";
import { checkTime } from "./time-text.ts";

/** The new epoch's suite and size are those of the newest, unless given. */
export interface RotateRequest extends EpochsChange, KeyRequest {
  /** How long the names of the epoch before remain: 60 days unless given. */
  readonly graceMs?: number | undefined;
  /** Ends all older epochs at once: what is sealed under them and not read yet cannot be read any more. */
  readonly compromised?: boolean | undefined;
}

/**
 * Makes a new epoch and tells all active clients of it. Where an earlier change was cut off it finishes that and makes
 * none, but for a `compromised` one, which begins anew. `tenant` has the keys of before: open it again. Throws
 * BAD_ARGUMENT, LIMIT where too many epochs count already, STOPPED after an abort of the search for keys.
 */
export async function rotate(tenant: Tenant, request: RotateRequest): Promise<EpochsChanged> {
  const { compromised = false, graceMs = DEFAULT_GRACE_MS, clock = Date.now } = request;
  // Before the search for keys, and long before it would be in a file that nobody can read again.
  checkTime(graceMs, "the grace window");
  const { epochs } = tenant.master;
  const kind = keyKindOf(request, keyKindOfEpoch(tenant.master, newestOf(epochs).epoch));
  const resumed = compromised ? null : await resumeChange(tenant, request);
  if (resumed) return resumed;
  if (!compromised) checkRoom(epochs, clock());
  const master = await generateKeys(request, kind);
  // The clock is asked again: the search may have taken minutes.
  const epoch = nextEpoch(epochs, await tenant.state.lastSerial());
  const added = { epoch, master, graceMs, compromised, nowMs: clock() };
  return await changeEpochs(tenant, request, {
    op: "rotate",
    epochs: (retentionMs) => withNewEpoch(epochs, { ...added, retentionMs }),
  });
}

/**
 * Takes away what is due: the tag halves of epochs whose grace window is over, and whole epochs whose records have
 * ended. Finishes what was cut off. `rotate` does the same beside.
 */
export async function retire(tenant: Tenant, request: EpochsChange): Promise<EpochsChanged> {
  const { clock = Date.now } = request;
  const { epochs } = tenant.master;
  const after = retired(epochs, clock());
  const isDue = after.length < epochs.length || after.some((epoch) => !epochs.includes(epoch));
  if (isDue) return await changeEpochs(tenant, request, { op: "retire", epochs: () => after });
  return (await resumeChange(tenant, request)) ?? unchanged(tenant);
}
