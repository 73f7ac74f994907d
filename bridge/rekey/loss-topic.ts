/**
 * The losses of one tenant in Kafka: what one bridge saw its documents take away, all hear of, and those that start
 * later. An entry is never deleted, since compaction keeps one for each consumer and tag; an old one says nothing.
 */
import { Backoff, pause } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { INTERNAL_KIND } from "../../core/wire/store.ts";
import type { Tenant } from "../directory/types.ts";
import { CompactedTopic, type KafkaAccess } from "../store/compacted-topic.ts";
import type { StoredEntry } from "../store/topic-entry.ts";
import { decodeLoss, encodeLoss, type Loss } from "./loss.ts";
import { KEY_LIFE_MS } from "./owed.ts";

const RETRY = { minMs: 500, maxMs: 15_000 } as const;
const APPENDED_AT_ONCE = 2_000;
/** What a bridge that stops still gives to Kafka, below the deadline of a part's stop. */
const FLUSH_MS = 3_000;

export interface LossTopicOptions {
  readonly tenant: Tenant;
  readonly access: KafkaAccess;
  /** What any bridge wrote, this one included; again and again after a restart. */
  readonly onLosses: (losses: readonly Loss[]) => void;
  readonly log: Logger;
}

export class LossTopic {
  readonly #options: LossTopicOptions;
  readonly #topic: CompactedTopic;
  readonly #stopping = new AbortController();
  readonly #due = new Set<Loss>();
  #opening: Promise<void> | undefined;
  #recording: Promise<void> | undefined;

  constructor(options: LossTopicOptions) {
    this.#options = options;
    const { tenant, access, log } = options;
    const topic = tenant.store.topicName(INTERNAL_KIND.loss);
    this.#topic = new CompactedTopic({ ...access, topic, log });
  }

  /** Begins to follow the topic, as soon as Kafka is there. */
  start(): void {
    this.#opening ??= this.#open();
  }

  /** Writes them beside everything else, again and again until Kafka has them. */
  record(losses: readonly Loss[]): void {
    for (const loss of losses) this.#due.add(loss);
    this.#recording ??= this.#record();
  }

  async stop(): Promise<void> {
    await Promise.race([this.#recording, pause(FLUSH_MS, this.#stopping.signal)]);
    this.#stopping.abort();
    await this.#topic.stop();
    await Promise.all([this.#opening, this.#recording]);
  }

  async #open(): Promise<void> {
    const { signal } = this.#stopping;
    const backoff = new Backoff(RETRY);
    for (;;) {
      try {
        await this.#topic.create();
        break;
      } catch (error) {
        this.#options.log.warn({ err: error }, "the topic of losses cannot be read yet");
        if (!(await backoff.wait(signal))) return;
      }
    }
    if (signal.aborted) return;
    this.#topic.follow({
      from: 0n,
      onEntries: async (entries) => this.#take(entries),
      onAnew: async () => undefined,
    });
  }

  #take(entries: readonly StoredEntry[]): void {
    const { tenant, onLosses, log } = this.#options;
    const oldestMs = Date.now() - KEY_LIFE_MS;
    const losses: Loss[] = [];
    for (const { key, value, atMs } of entries) {
      if (!value || atMs < oldestMs) continue;
      const loss = decodeLoss(tenant.store, tenant.name, { key, value });
      if (loss) losses.push(loss);
      else log.warn("an entry of the topic of losses does not open");
    }
    if (losses.length > 0) onLosses(losses);
  }

  async #record(): Promise<void> {
    const { signal } = this.#stopping;
    const { tenant, log } = this.#options;
    const backoff = new Backoff(RETRY);
    while (this.#due.size > 0) {
      const batch = [...this.#due].slice(0, APPENDED_AT_ONCE);
      try {
        await Promise.all(
          batch.map(async (loss) => {
            await this.#topic.append(encodeLoss(tenant.store, loss));
            this.#due.delete(loss);
          }),
        );
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ err: error, losses: this.#due.size }, "losses wait for Kafka");
        if (!(await backoff.wait(signal))) return;
      }
    }
    this.#recording = undefined;
  }
}
