/**
 * The time of a reading on a device whose clock may not be set (docs/decisions/009-time.md). The first record of every
 * pack has, beside its base time, fields of our own, which RFC 8428 §4.4 lets other readers pass over:
 *
 *   boot      which boot of the device, 8 bytes as b64url
 *   mono      seconds since that boot
 *   unsynced  true while the clock is not set: then `bt` means nothing, and boot and mono do
 *
 * A clock record is a pack of its own, with one record: `{"n":"clock/zero","u":"s","v":…}`, the time, in seconds since
 * 1970, at which its boot's `mono` was 0. It makes the time of that boot's other records: v + mono.
 */
import { type SenmlPack, type SenmlRecord, senmlPackOf } from "./senml.ts";

const CLOCK_NAME = "clock/zero";
const MS_PER_SECOND = 1000;

/** When something was read. */
export interface Moment {
  /** The device's clock, milliseconds since 1970. */
  readonly wallMs: number;
  readonly boot: string;
  readonly sinceBootMs: number;
  /** Whether the clock is set. */
  readonly isSet: boolean;
}

/** The pack of one reading. */
export function packTakenAt(records: readonly SenmlRecord[], moment: Moment): SenmlPack {
  const { wallMs, boot, sinceBootMs, isSet } = moment;
  const mono = Math.round(sinceBootMs) / MS_PER_SECOND;
  const [first, ...rest] = senmlPackOf(records, wallMs);
  const stamp = { boot, mono, ...(isSet ? {} : { unsynced: true as const }) };
  return first ? [{ ...stamp, ...first }, ...rest] : [];
}

/** The boot, and the milliseconds since it, that a pack tells; null if it tells none. */
export function momentOf(pack: SenmlPack): Pick<Moment, "boot" | "sinceBootMs" | "isSet"> | null {
  const { boot, mono, unsynced } = pack[0] ?? {};
  if (boot === undefined || mono === undefined) return null;
  return { boot, sinceBootMs: mono * MS_PER_SECOND, isSet: unsynced !== true };
}

/** Whether a pack was made while the clock was not set. */
export function isUnsynced(pack: SenmlPack): boolean {
  return pack[0]?.unsynced === true && momentOf(pack) !== null;
}

/** The clock record of a moment at which the clock is set. */
export function clockRecord(moment: Moment): SenmlPack {
  const zero = (moment.wallMs - moment.sinceBootMs) / MS_PER_SECOND;
  const v = Math.round(zero * MS_PER_SECOND) / MS_PER_SECOND;
  return packTakenAt([{ n: CLOCK_NAME, u: "s", v }], moment);
}

/** What a clock record says: the wall time at its boot's beginning; null if `pack` is none. */
export function zeroOf(pack: SenmlPack): { boot: string; zeroMs: number } | null {
  const [record] = pack;
  if (record?.n !== CLOCK_NAME || record.v === undefined || pack.length > 1) return null;
  const moment = momentOf(pack);
  return moment?.isSet ? { boot: moment.boot, zeroMs: record.v * MS_PER_SECOND } : null;
}
