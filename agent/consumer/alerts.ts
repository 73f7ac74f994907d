/** What an analyst wants to be told of unasked: a sensor that has gone silent, and readings that never came. */

/** One alert, a line of `--alerts`. Times in milliseconds since 1970. */
export type Alert =
  /** Nothing for too long; `producer` is null where nothing came from anybody. */
  | {
      readonly alert: "silence" | "heard again";
      readonly topic: string;
      readonly producer: string | null;
      readonly atMs: number;
      readonly silentMs: number;
    }
  /** Records that the producer has sealed and that never came. */
  | {
      readonly alert: "gap";
      readonly topic: string;
      readonly producer: string;
      readonly atMs: number;
      readonly missing: number;
    }
  /** Records that Kafka deleted before they were read. */
  | {
      readonly alert: "deleted";
      readonly topic: string;
      readonly atMs: number;
      readonly missing: number;
    };

interface Source {
  readonly topic: string;
  readonly producer: string | null;
  heardAtMs: number;
  isSilent: boolean;
}

/** Watches for silence: of each topic until somebody is heard there, then of each producer on its own. */
export class SilenceWatch {
  readonly #silenceMs: number;
  readonly #onAlert: (alert: Alert) => void;
  readonly #sources = new Map<string, Source>();

  constructor(options: { readonly silenceMs: number; readonly onAlert: (alert: Alert) => void }) {
    this.#silenceMs = options.silenceMs;
    this.#onAlert = options.onAlert;
  }

  /** From now on something is expected of `topic`. */
  expect(topic: string, nowMs: number): void {
    const source = { topic, producer: null, heardAtMs: nowMs, isSilent: false };
    this.#sources.set(keyOf(topic, null), source);
  }

  heard(topic: string, producer: string, nowMs: number): void {
    this.#sources.delete(keyOf(topic, null));
    const key = keyOf(topic, producer);
    const source = this.#sources.get(key) ?? { topic, producer, heardAtMs: nowMs, isSilent: false };
    this.#sources.set(key, source);
    if (source.isSilent) this.#tell("heard again", source, nowMs);
    source.isSilent = false;
    source.heardAtMs = nowMs;
  }

  /**
   * To be called now and then. `readToEndAtMs`: when everything was last read that Kafka had of a topic. While it is away, or
   * the output takes nothing, nobody knows who is silent, and nobody is said to be.
   */
  check(readToEndAtMs: (topic: string) => number | null): void {
    for (const source of this.#sources.values()) {
      const atMs = readToEndAtMs(source.topic);
      if (source.isSilent || atMs === null || atMs - source.heardAtMs < this.#silenceMs) continue;
      source.isSilent = true;
      this.#tell("silence", source, atMs);
    }
  }

  #tell(alert: "silence" | "heard again", source: Source, atMs: number): void {
    const { topic, producer, heardAtMs } = source;
    this.#onAlert({ alert, topic, producer, atMs, silentMs: atMs - heardAtMs });
  }
}

function keyOf(topic: string, producer: string | null): string {
  return JSON.stringify([topic, producer]);
}

/** An alert as one line of NDJSON. */
export function encodeAlert(alert: Alert): string {
  return `${JSON.stringify(alert)}\n`;
}
