/**
 * Asks a bridge every few seconds how the hops are. It also tells a revoked consumer in time, which may hold all keys
 * it needs and would otherwise notice only at the producers' next one.
 */
import { isVeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { StatusResponse } from "../../core/wire/http.ts";
import type { BridgeClient } from "./bridge-client.ts";

const INTERVAL_MS = 5000;

export interface StatusWatchOptions {
  readonly bridge: Pick<BridgeClient, "status">;
  /** `null` while no bridge answers. */
  readonly onStatus: (status: StatusResponse | null) => void;
  readonly log: Logger;
}

/** Until `signal` aborts. Throws REVOKED. */
export async function watchStatus(
  { bridge, onStatus, log }: StatusWatchOptions,
  signal: AbortSignal,
): Promise<void> {
  do {
    try {
      onStatus(await bridge.status());
    } catch (error) {
      if (isVeilError(error, "REVOKED")) throw error;
      if (signal.aborted) return;
      log.debug({ err: error }, "cannot ask the bridge how the hops are");
      onStatus(null);
    }
  } while (await pause(INTERVAL_MS, signal));
}
