/** What hostile clients do to a bridge, on raw sockets and as fast as they can. Each runs until its signal aborts. */
import { HTTP_ATTACKS } from "./http-attacks.ts";
import { MQTT_ATTACKS } from "./mqtt-attacks.ts";
import type { Attack } from "./target.ts";

export const ATTACKS: readonly Attack[] = [...MQTT_ATTACKS, ...HTTP_ATTACKS];
