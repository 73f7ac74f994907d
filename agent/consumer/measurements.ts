/** The values in a reading's SenML pack, each with its name, unit and time: base fields resolved (RFC 8428 §4.6). */
import { isUnsynced } from "../../core/wire/clock.ts";
import type { SenmlPack } from "../../core/wire/senml.ts";

/** Times below it, in seconds, are relative to now (RFC 8428 §4.5.3). */
const RELATIVE_BELOW_S = 2 ** 28;
const MS_PER_SECOND = 1000;

/** One named value. */
export interface Measurement {
  /** Base name and name together; empty if the pack gives none. */
  readonly name: string;
  /** Binary data is b64url text. A record that has a sum alone gives the sum. */
  readonly value: number | string | boolean;
  /** Of the IANA SenML registry, such as `Cel`; null where none is given. */
  readonly unit: string | null;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
}

/** `timeMs`: the record's own time, for values that name none, or one relative to it. */
export function measurementsOf({
  pack,
  timeMs,
}: {
  readonly pack: SenmlPack;
  readonly timeMs: number;
}): Measurement[] {
  let [name, time, unit] = ["", 0, null as string | null];
  const isTimed = !isUnsynced(pack);
  return pack.map((record) => {
    name = record.bn ?? name;
    // Of a clock that is not set it means nothing, and would seem to be relative to now.
    if (isTimed) time = record.bt ?? time;
    unit = record.bu ?? unit;
    const seconds = time + (record.t ?? 0);
    return {
      name: `${name}${record.n ?? ""}`,
      value: record.v ?? record.vs ?? record.vb ?? record.vd ?? record.s ?? "",
      unit: record.u ?? unit,
      timeMs: seconds * MS_PER_SECOND + (seconds < RELATIVE_BELOW_S ? timeMs : 0),
    };
  });
}
