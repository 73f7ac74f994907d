/** What the dashboard's server and its page say to each other, as JSON. Times in milliseconds since 1970. */

/** Readings of one series within one stretch of time: its beginning, how many, least, greatest, sum and the newest. */
export type Bucket = readonly [
  startMs: number,
  count: number,
  min: number,
  max: number,
  sum: number,
  last: number,
];

export interface TopicView {
  readonly id: number;
  readonly name: string;
  /** Whether it is there and may be read. */
  readonly found: boolean;
  readonly readings: number;
  /** Records that could not be opened. */
  readonly rejects: number;
  /** Records that never came, as far as sequence numbers tell, and those Kafka deleted. */
  readonly missing: number;
  /** Readings that came in a second, over the last ten. */
  readonly rate: number;
  /** Values that are not shown, since there are too many; no more than `MAX_HIDDEN` are counted. */
  readonly hidden: number;
  /** Records that Kafka has and that are not read yet; null while that is not known. */
  readonly lag: number | null;
}

/** One named value of one device in one topic. */
export interface SeriesView {
  readonly id: number;
  readonly topic: number;
  readonly producer: string;
  readonly name: string;
  readonly unit: string | null;
  /** Beyond these a value is out of range. */
  readonly low: number | null;
  readonly high: number | null;
  /** Without a reading for so long it is stale. */
  readonly staleMs: number;
  /** The newest; a text is cut to `MAX_TEXT` characters. */
  readonly value: number | string | boolean;
  /** Its time by the device's clock; when it arrived, where that clock is not to be believed. */
  readonly timeMs: number;
  /** When it came, by the server's clock; of what was in Kafka before, by Kafka's. */
  readonly arrivedMs: number;
  /** Whether the device's clock was set. */
  readonly isSynced: boolean;
  /** Changed since the last message, oldest first; numbers only. */
  readonly buckets: readonly Bucket[];
}

export interface HopView {
  readonly name: "bridge" | "kafka" | "zookeeper" | "directory";
  readonly state: "up" | "down" | "unknown";
  /** When it last answered. */
  readonly seenMs: number | null;
}

/** One message of the event stream. */
export interface Update {
  /** Of this run of the server: another one has other ids. */
  readonly boot: string;
  readonly nowMs: number;
  readonly series: readonly SeriesView[];
  /** Every second; null in between. */
  readonly status: {
    readonly topics: readonly TopicView[];
    readonly hops: readonly HopView[];
  } | null;
  /** Why nothing more is read, where it is so. */
  readonly ended: { readonly code: string; readonly message: string } | null;
}

/** `GET /api/history/<topic>`. */
export interface History {
  readonly boot: string;
  readonly series: readonly { readonly id: number; readonly buckets: readonly Bucket[] }[];
}

/** `GET /api/about`: what does not change while the server runs. */
export interface About {
  readonly tenant: string;
  readonly client: string;
  /** How far back the charts reach. */
  readonly historyMs: number;
  /** The width of a bucket. */
  readonly bucketMs: number;
  /** Whether there is a login to end. */
  readonly login: boolean;
}

/** `GET /api/seen/<topic>`: one record, as each party on its way has it. */
export interface Seen {
  readonly topic: string;
  /** Parties that were asked just now and did not answer. */
  readonly silent: readonly ("kafka" | "zookeeper")[];
  /** What you read; null where nothing has come yet. */
  readonly you: {
    readonly producer: string;
    readonly timeMs: number;
    readonly values: readonly {
      readonly name: string;
      readonly value: number | string | boolean;
      readonly unit: string | null;
    }[];
  } | null;
  /** The record as Kafka has it now; null where it has none, or is silent. */
  readonly kafka: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: string;
    /** When Kafka took it. */
    readonly takenMs: number;
    /** Hexadecimal. */
    readonly key: string;
    readonly value: string;
    readonly bytes: number;
    /** What the record's header says to everybody; null where it is none of ours. */
    readonly header: {
      readonly suite: number;
      readonly algorithm: string;
      readonly epoch: number;
      /** Hexadecimal. */
      readonly kid: string;
      readonly number: string;
      /** The device's clock. */
      readonly timeMs: number;
    } | null;
  } | null;
  readonly zookeeper: {
    /** Whether a ZooKeeper to ask was given. */
    readonly isAsked: boolean;
    /** What should be there; `text` and `bytes` are null where it was not seen. */
    readonly nodes: readonly {
      readonly path: string;
      readonly text: string | null;
      readonly bytes: number | null;
    }[];
  };
  /** What follows from Kafka's record: nobody can be asked what passed. */
  readonly network: { readonly bytes: number; readonly padded: boolean } | null;
}

/** Longer texts are cut. */
export const MAX_TEXT = 200;

export const MAX_HIDDEN = 1000;
