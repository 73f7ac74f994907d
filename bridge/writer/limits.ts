/** The writer's bounds. */
export interface WriterLimits {
  /** How long the first record of a batch waits for others. */
  readonly lingerMs: number;
  readonly maxBatchMessages: number;
  /** For one partition and for one request; below Kafka's `max.message.bytes`. */
  readonly maxBatchBytes: number;
  /** Unconfirmed records of one session. */
  readonly maxPerSession: number;
  /** All unconfirmed records together. From half of it on there is pressure. */
  readonly maxBytes: number;
  readonly minRetryMs: number;
  readonly maxRetryMs: number;
  /** Partitions that failed twice or more and are tried at the same time. */
  readonly maxRetrying: number;
}

export const DEFAULT_WRITER_LIMITS: WriterLimits = {
  lingerMs: 5,
  maxBatchMessages: 1000,
  maxBatchBytes: 1_000_000,
  maxPerSession: 256,
  maxBytes: 64 * 2 ** 20,
  minRetryMs: 50,
  maxRetryMs: 2000,
  maxRetrying: 32,
};
