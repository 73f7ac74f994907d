/** An entry of an internal topic: the newest of its key counts. */
export interface TopicEntry {
  readonly key: Buffer;
  /** `null`: the entry is deleted. */
  readonly value: Buffer | null;
}

/** As it is read. */
export interface StoredEntry extends TopicEntry {
  /** When it was written, by Kafka's clock; by the writing bridge's in topics that were made by hand. */
  readonly atMs: number;
}
