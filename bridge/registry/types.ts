/** Key announcements, by tenant, tag, kid and producer: shared by all bridges through a compacted Kafka topic (PROTOCOL.md §4). */

export interface RegistryKey {
  readonly tenant: string;
  /** 32 bytes. */
  readonly tag: Buffer;
  /** 16 bytes. */
  readonly kid: Buffer;
  readonly producerId: string;
}

export interface RegistryEntry {
  readonly producerId: string;
  /** The whole signed announcement. */
  readonly announcement: Buffer;
  /** The producer's certificate when it announced: a signed document. */
  readonly cert: Buffer;
}

export interface Registry {
  /**
   * Resolves when Kafka has the entry with acks=all: whether its producer had not announced the kid before. The same
   * entry again is no second write. Throws BAD_RECORD where another producer has announced the kid under this tag: a
   * kid is 128 bits of a hash, so that is no accident.
   */
  register(key: RegistryKey, entry: RegistryEntry): Promise<{ readonly isNew: boolean }>;
  /** Whether this producer announced this kid under this tag; asks Kafka's present end before it says no. */
  has(key: RegistryKey): Promise<boolean>;
  /** All announcements of a kid under a tag, whoever made them; empty only after reading to Kafka's present end. */
  find(key: Omit<RegistryKey, "producerId">): Promise<RegistryEntry[]>;
}
