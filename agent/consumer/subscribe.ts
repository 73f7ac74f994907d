/**
 * `import { subscribe } from "veilmq/consumer"`: readings in a program's own loop. See docs/consumer.md.
 *
 *   for await (const { topic, values } of subscribe({ credential: "analyst.cred.json", topics: ["a/b"] }))
 *     console.log(topic, values);
 */
import { VeilError } from "../../core/errors.ts";
import { createLog, type LogLevel } from "../../core/runtime/log.ts";
import { isUnsynced } from "../../core/wire/clock.ts";
import { topicName } from "../../core/wire/fields.ts";
import { CredentialStore } from "../credential-store.ts";
import { loadAccess } from "./config.ts";
import { Consumer } from "./consumer.ts";
import { Handover } from "./handover.ts";
import { type Measurement, measurementsOf } from "./measurements.ts";
import type { From } from "./range.ts";
import type { Reading as OpenedReading } from "./reading.ts";

export { isVeilError, VeilError } from "../../core/errors.ts";
export type { Measurement } from "./measurements.ts";

export interface SubscribeOptions {
  /** The path of a credential, as `veilmq kms enrol` made it; mode 0600. Newer keys, when they come, are written there. */
  readonly credential: string;
  /** As `--config` of `veilmq consume`: how the operator's bridge and Kafka want to be logged in to. */
  readonly config?: string;
  /** Names in clear; each must be granted to this credential. */
  readonly topics: readonly string[];
  /**
   * A folder of this subscription's own, which remembers what was taken: then a later run goes on there. Without it
   * nothing is remembered.
   */
  readonly stateDir?: string;
  /**
   * Where to begin: with a `stateDir` where the last run stopped (`checkpoint`), else with what comes from now on
   * (`latest`), unless given. A Date: what Kafka took from then on.
   */
  readonly from?: "checkpoint" | "beginning" | "latest" | Date;
  /** The loop ends when everything that Kafka took before it has been read. */
  readonly until?: Date;
  /** Wait for topics that are not there yet, rather than throw NOT_FOUND. */
  readonly wait?: boolean;
  /** Open records in so many threads beside this one; 0 unless given. */
  readonly threads?: number;
  /** Ends the loop in an orderly way. */
  readonly signal?: AbortSignal;
  /** What is logged on stderr, as JSON; `warn` unless given. No name and no value is ever in it. */
  readonly logLevel?: LogLevel;
}

/** One record, opened and verified. */
export interface Reading {
  /** `kid:seq`, unique for the record and the same in every run. */
  readonly id: string;
  readonly topic: string;
  /** The device that sealed it. */
  readonly producer: string;
  /** By the device's clock. */
  readonly time: Date;
  /** That clock was not set, and no record has told yet how late it was: `time` means nothing. */
  readonly unsynced: boolean;
  /** When Kafka took it, by Kafka's clock. */
  readonly taken: Date;
  readonly values: readonly Measurement[];
  readonly partition: number;
  readonly offset: bigint;
}

/**
 * Readings in order of each device, for as long as the loop asks for them. A reading counts as taken when the loop asks for
 * the next one: what a `break` or a throw leaves behind comes again in the next run, and after a crash what was taken since
 * the last checkpoint, a second ago, too (at least once). After `signal` aborts no more are given. Throws
 * VeilError: CONFIG, SECRET_FILE, BAD_CREDENTIAL before the first; NOT_FOUND, REVOKED, AUTH at any time.
 */
export async function* subscribe(options: SubscribeOptions): AsyncGenerator<Reading, void, void> {
  const end = new AbortController();
  const stop = (): void => end.abort();
  const handover = new Handover();
  const consumer = await createConsumer(options, handover);
  end.signal.addEventListener("abort", () => handover.stop(), { once: true });
  // By hand: of `AbortSignal.any` the caller's signal would keep a piece for every subscription.
  options.signal?.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted) stop();
  const running = consumer.run(end.signal).finally(() => handover.end());
  // Awaited below, after what it has handed over.
  running.catch(() => undefined);
  try {
    for (let next = await handover.next(); next !== null; next = await handover.next())
      yield present(next);
    await running;
  } finally {
    handover.leave();
    options.signal?.removeEventListener("abort", stop);
    end.abort();
    await running.catch(() => undefined);
  }
}

async function createConsumer(options: SubscribeOptions, output: Handover): Promise<Consumer> {
  const { topics, stateDir = null, until, wait = false, logLevel = "warn" } = options;
  if (topics.length === 0) throw new VeilError("CONFIG", "there are no topics to subscribe to");
  if (stateDir === null && options.from === "checkpoint")
    throw new VeilError("CONFIG", "from: checkpoint needs a stateDir");
  const credentialStore = new CredentialStore({ path: options.credential, stateDir });
  return new Consumer({
    credential: await credentialStore.load(),
    credentialStore,
    topics: [...new Set(topics.map(topicName))],
    ...{ stateDir, output, rejects: null, wait },
    from: fromOf(options),
    untilMs: until?.getTime() ?? null,
    threads: options.threads ?? 0,
    access: options.config === undefined ? {} : await loadAccess(options.config),
    log: createLog("consumer", logLevel),
  });
}

function fromOf({ from, stateDir }: SubscribeOptions): From {
  if (from instanceof Date) return { sinceMs: from.getTime() };
  return from ?? (stateDir === undefined ? "latest" : "checkpoint");
}

/** As a program gets it. */
export function present(reading: OpenedReading): Reading {
  const { id, topic, producer, timeMs, takenMs, partition, offset } = reading;
  return {
    ...{ id, topic, producer, partition, offset },
    time: new Date(timeMs),
    unsynced: isUnsynced(reading.pack),
    taken: new Date(takenMs),
    values: measurementsOf(reading),
  };
}
