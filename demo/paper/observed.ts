/** What the replay of the report's chapter 4 showed; replay.ts fills it, verdict.ts judges it. */
import type { Beginning, ReceivedRecord, SentRecord } from "./lines.ts";
import type { ReportTopic } from "./report.ts";

export interface ProducerRun {
  readonly broker: string;
  readonly name: string;
  readonly sent: readonly SentRecord[];
}

export interface ConsumerRun {
  readonly trapdoor: string;
  readonly broker: string;
  readonly name: string;
  readonly beginning: Beginning;
  readonly received: readonly ReceivedRecord[];
}

/** What the scenes showed, by figure. */
export interface Observed {
  /** Under which name each topic's producer publishes. */
  readonly names: Readonly<Record<ReportTopic, string>>;
  /** host:port, in the order of their ids. */
  readonly brokers: readonly string[];
  readonly listed: readonly string[];
  /** 4.2 and 4.4, one producer; 4.5, a consumer that came late. */
  readonly first: { readonly producer: ProducerRun; readonly consumer: ConsumerRun };
  /** 4.3. */
  readonly second: { readonly producer: ProducerRun; readonly consumer: ConsumerRun };
  /** 4.6: the consumer before and after its stop. */
  readonly streaming: {
    readonly producer: ProducerRun;
    readonly before: ConsumerRun;
    readonly after: ConsumerRun;
  };
  /** 4.7. */
  readonly latest: string;
  /** Of topic-2: what the match answered, and who leads its first partition according to Kafka itself. */
  readonly answer: string;
  readonly leader: string | null;
  /** What the consumer of a topic that nobody created printed last. */
  readonly missing: string;
}
