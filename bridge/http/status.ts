/** `GET /v1/status` (PROTOCOL.md §6): the state of the hops, for a dashboard. */
import type { z } from "zod";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { statusResponseSchema } from "../../core/wire/http.ts";
import type { Directory } from "../directory/types.ts";
import type { Health } from "./health.ts";

export interface StatusOptions {
  readonly health: Pick<Health, "ask" | "kafkaAgeMs">;
  readonly zookeeper: Pick<ZooKeeper, "contactAgeMs">;
  readonly directory: Pick<Directory, "ageMs">;
  /** An older directory counts as down: match and release have stopped. */
  readonly maxAgeMs: number;
}

/** `ageMs`: since the hop last answered, or confirmed what we hold; null before the first time. */
export async function bridgeStatus({
  health,
  zookeeper,
  directory,
  maxAgeMs,
}: StatusOptions): Promise<z.input<typeof statusResponseSchema>> {
  const findings = await health.ask();
  const directoryAgeMs = directory.ageMs();
  return {
    bridge: { state: "up", ageMs: 0 },
    kafka: { state: findings.kafka.state, ageMs: known(health.kafkaAgeMs()) },
    zookeeper: { state: findings.zookeeper.state, ageMs: known(zookeeper.contactAgeMs()) },
    directory: {
      state: directoryAgeMs <= maxAgeMs ? "up" : "down",
      ageMs: known(directoryAgeMs),
    },
  };
}

function known(ageMs: number): number | null {
  return Number.isFinite(ageMs) ? Math.round(ageMs) : null;
}
