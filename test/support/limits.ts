/** A bridge's limits for tests: the defaults, but for what a test says. */
import { pino } from "pino";
import type { z } from "zod";
import { limitsSchema } from "../../bridge/config/limits.ts";
import { Limits } from "../../bridge/limits/limits.ts";
import { BridgeMetrics } from "../../bridge/metrics.ts";

export function testLimits(
  said: z.input<typeof limitsSchema> = {},
  { metrics = new BridgeMetrics(), log = pino({ level: "silent" }) } = {},
): Limits {
  return new Limits({ config: { limits: limitsSchema.parse(said), tenants: [] }, metrics, log });
}
