/** How long the uplink waits for what. Tests shorten it. */
export const DEFAULT_TIMINGS = {
  /** Between attempts to connect; full jitter. */
  reconnectMinMs: 500,
  reconnectMaxMs: 60_000,
  /** Between attempts when the bridge refuses the login, or the device is revoked. */
  refusedMinMs: 60_000,
  refusedMaxMs: 300_000,
  /** No answer to a registration: register again (PROTOCOL.md §5). */
  answerMs: 10_000,
  /** A refused alias is asked for again after this long (PROTOCOL.md §5), ± `parkJitter`. */
  parkMs: 300_000,
  /** The first wait after LIMIT, or when connections keep ending at the same entry; doubles up to `parkMs`. */
  shortParkMs: 5_000,
  /** How much of a backlog goes out in a second: what waited when a connection began. */
  replayPerSecond: 1_000,
  /** At a stop: how long to wait for the PUBACKs of what is in flight. */
  drainMs: 2_000,
};
export type Timings = typeof DEFAULT_TIMINGS;
