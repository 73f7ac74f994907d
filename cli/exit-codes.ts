/** What `veilmq` ends with. Stable: scripts match on these numbers. */
export const EXIT = {
  OK: 0,
  /** Something failed; `veilmq: error: …` says what. */
  ERROR: 1,
  /** The command line itself is wrong: an unknown option, a missing argument. */
  USAGE: 2,
  /** `consume`: the topic does not exist or is not granted, which read the same. */
  TOPIC_NOT_FOUND: 4,
  /** The bridge says that this client is revoked. */
  REVOKED: 5,
  /** Ended by the user: 128 + SIGINT. */
  INTERRUPTED: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
