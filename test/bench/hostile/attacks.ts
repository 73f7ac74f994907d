/** What hostile clients do to a bridge, on raw sockets and as fast as they can. Each runs until its signal aborts. */
import { pause } from "../../../core/runtime/backoff.ts";
import { HTTP_ATTACKS } from "./http-attacks.ts";
import { MQTT_ATTACKS } from "./mqtt-attacks.ts";
import type { Attack } from "./target.ts";

const FOREVER_MS = 2 ** 31 - 1;

/** The control: how far from 1 a ratio gets by the measure and the machine alone. */
export const NOTHING: Attack = {
  name: "nothing",
  summary: "nobody attacks: what the measure and the machine make of two calm turns",
  run: async (_target, signal) => {
    await pause(FOREVER_MS, signal);
  },
};

export const ATTACKS: readonly Attack[] = [NOTHING, ...MQTT_ATTACKS, ...HTTP_ATTACKS];
