/** From a topic's name to the Kafka topic that holds it: by trapdoor, which only this client can make. */
import { isVeilError, VeilError } from "../../core/errors.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { type MatchResponse, TOPIC_NOT_FOUND } from "../../core/wire/http.ts";
import type { BridgeClient } from "./bridge-client.ts";
import type { SchemeWorker } from "./scheme.ts";

const RETRY = { minMs: 250, maxMs: 5000 };

export interface MatchOptions {
  readonly bridge: BridgeClient;
  readonly scheme: SchemeWorker;
  readonly log: Logger;
  /** Ask again until the topic is there. Without it, only while no bridge answers. */
  readonly wait: boolean;
  /** The topic is not there (yet). */
  readonly onMissing: () => void;
}

/**
 * Asks until there is an answer. Throws NOT_FOUND ("Topic not found") unless it waits, AUTH or REVOKED where the
 * bridge does not know this client, STOPPED if `signal` aborts.
 */
export async function matchTopic(
  topic: string,
  { bridge, scheme, log, wait, onMissing }: MatchOptions,
  signal: AbortSignal,
): Promise<MatchResponse> {
  const trapdoor = await scheme.trapdoor(topic);
  const backoff = new Backoff(RETRY);
  do {
    try {
      const match = await bridge.match(scheme.realm.epoch, trapdoor);
      if (match) return match;
      onMissing();
      if (!wait)
        throw new VeilError("NOT_FOUND", TOPIC_NOT_FOUND, {
          hint: "nothing was published there yet, or it is not granted to you; --wait waits for it",
        });
    } catch (error) {
      if (!isVeilError(error) || !error.retryable) throw error;
      log.warn({ err: error }, "cannot ask the bridge for a topic; trying again");
    }
  } while (await backoff.wait(signal));
  throw new VeilError("STOPPED", "stopped while waiting for a topic");
}
