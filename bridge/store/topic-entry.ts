/** An entry of an internal topic: the newest of its key counts. */
export interface TopicEntry {
  readonly key: Buffer;
  /** `null`: the entry is deleted. */
  readonly value: Buffer | null;
}
