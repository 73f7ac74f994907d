/**
 * Settings of every topic that a bridge makes, so that a broker's own defaults cannot make its batches unreadable for
 * us (we read no compression) or too large for it.
 */
export const BATCH_SETTINGS = {
  /** As the bridge sends them: uncompressed. A sealed record does not compress anyway. */
  "compression.type": "producer",
  /** Kafka's own default: 1 MiB and a batch's head. Above the writer's `maxBatchBytes`. */
  "max.message.bytes": "1048588",
} as const;
