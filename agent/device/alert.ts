/** Readings that the agent makes itself: of a device that fell silent, and that speaks again. */
import type { SenmlRecord } from "../../core/wire/senml.ts";

const MS_PER_SECOND = 1000;

/**
 * Why nothing valid came: the port is not open (unplugged, held by another process), no byte came through it, or what
 * came was nothing that the profile knows (a wrong baud rate, noise, another device).
 */
export type SilenceCause = "no port" | "no bytes" | "nothing valid";

export interface SilenceAlert {
  readonly isSilent: boolean;
  readonly silentMs: number;
  readonly cause?: SilenceCause;
}

/** `alert/silent` true or false, the seconds since the last valid frame, and the cause. */
export function alertOf({ isSilent, silentMs, cause }: SilenceAlert): SenmlRecord[] {
  const seconds = Math.round(silentMs) / MS_PER_SECOND;
  const records: SenmlRecord[] = [
    { n: "alert/silent", vb: isSilent },
    { n: "alert/silence", u: "s", v: seconds },
  ];
  return cause === undefined ? records : [...records, { n: "alert/cause", vs: cause }];
}
