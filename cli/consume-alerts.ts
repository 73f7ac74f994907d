/** Alerts of `veilmq consume`: a sentence on stderr, and a line of `--alerts` with the names. */
import { type Alert, encodeAlert, SilenceWatch } from "../agent/consumer/alerts.ts";
import type { Observer } from "../agent/consumer/consumer.ts";
import type { LineSink } from "../agent/consumer/sinks.ts";
import { printNote } from "./messages.ts";

const CHECK_MS = 1000;

export interface AlertOptions {
  readonly topics: readonly string[];
  /** `null`: silence is no alert. */
  readonly silenceMs: number | null;
  /** Already open. */
  readonly file: LineSink | null;
  /** Whether stderr is a person's terminal: elsewhere it is a log, which holds no names. */
  readonly isTerminal: boolean;
}

export class Alerts {
  readonly observer: Observer;
  readonly #options: AlertOptions;
  readonly #silence: SilenceWatch | null;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: AlertOptions) {
    this.#options = options;
    const { silenceMs } = options;
    const onAlert = (alert: Alert): void => this.#tell(alert);
    const silence = silenceMs === null ? null : new SilenceWatch({ silenceMs, onAlert });
    this.#silence = silence;
    this.observer = {
      onReadings: (readings) => {
        for (const { topic, producer } of readings) silence?.heard(topic, producer, Date.now());
      },
      onGap: ({ before: { topic, producer }, missing }) =>
        onAlert({ alert: "gap", topic, producer, atMs: Date.now(), missing: Number(missing) }),
      onDeleted: ({ topic, lost }) =>
        onAlert({ alert: "deleted", topic, atMs: Date.now(), missing: Number(lost) }),
    };
  }

  /** `readToEndAtMs`: as of {@link SilenceWatch.check}. */
  start(readToEndAtMs: (topic: string) => number | null): void {
    for (const topic of this.#options.topics) this.#silence?.expect(topic, Date.now());
    this.#timer = setInterval(() => this.#silence?.check(readToEndAtMs), CHECK_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
  }

  #tell(alert: Alert): void {
    printNote(`alert: ${this.#sentence(alert)}`);
    const { file } = this.#options;
    if (!file) return;
    this.#writing = this.#writing
      .then(() => file.write(encodeAlert(alert)))
      .catch(() => printNote("alert: the file of --alerts cannot be written"));
  }

  #sentence(alert: Alert): string {
    const { topics, isTerminal } = this.#options;
    const place = `topic ${topics.indexOf(alert.topic) + 1} of ${topics.length}`;
    const where = isTerminal ? alert.topic : place;
    switch (alert.alert) {
      case "silence":
        return `silence: nothing in ${where} for ${seconds(alert.silentMs)}`;
      case "heard again":
        return `${where} is heard again, after ${seconds(alert.silentMs)}`;
      case "gap":
        return `gap: ${alert.missing} readings of one device are missing in ${where}`;
      case "deleted":
        return `gap: Kafka has deleted ${alert.missing} records of ${where} before they were read`;
    }
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
