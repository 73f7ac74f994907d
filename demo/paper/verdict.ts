/** The report's figures beside what this run showed: what each figure claims, and whether it held here. */
import type { Beginning, ReceivedRecord, SentRecord } from "./lines.ts";
import type { ConsumerRun, Observed, ProducerRun } from "./observed.ts";
import { ellipsis, type Row } from "./picture.ts";
import {
  EARLIER_RUNS,
  GROUPS,
  groupsIn,
  REPORT_NAMES,
  REPORT_TRAPDOORS,
  type ReportTopic,
} from "./report.ts";

const TOPICS = ["topic-1", "topic-2", "topic-3"] as const satisfies readonly ReportTopic[];

/** One row for each figure; `records` is how many one producer sends. */
export function judge(seen: Observed, records: number): Row[] {
  return [
    topicList(seen),
    sending(seen, records),
    comingLate(seen, records),
    comingAgain(seen, records),
    streaming(seen, records),
    latestOffset(seen, records),
    match(seen),
    {
      figure: "last par.",
      report: "Topic not found (Listing 7)",
      run: seen.missing,
      held: seen.missing === "Topic not found",
    },
  ];
}

function topicList({ names, listed }: Observed): Row {
  const [, ...others] = listed.filter(isReports);
  const whole = TOPICS.filter((topic) => names[topic] === REPORT_NAMES[topic]);
  return {
    figure: "4.1",
    report: `${ellipsis(REPORT_NAMES["topic-3"])} and two that the scan garbled`,
    run: [compared("topic-3", names["topic-3"]), ...others.map(ellipsis)].join(" "),
    held: whole.length === TOPICS.length && whole.every((topic) => listed.includes(names[topic])),
  };
}

function sending({ first: { producer }, brokers }: Observed, records: number): Row {
  return {
    figure: "4.2, 4.4",
    report: `${ellipsis(REPORT_NAMES["topic-1"])} offsets 0 to 9, one each 4005 ms`,
    run: `${compared("topic-1", producer.name)} ${range(producer.sent)}, one each ${pace(producer.sent)} ms`,
    held:
      producer.broker === brokers[0] &&
      producer.name === REPORT_NAMES["topic-1"] &&
      isWhole(producer, 0, records),
  };
}

function comingLate({ first: { producer, consumer } }: Observed, records: number): Row {
  const missed = producer.sent.length - consumer.received.length;
  return {
    figure: "4.5",
    report: `trapdoor ${ellipsis(REPORT_TRAPDOORS["4.5"].scan)}; 1 missed, then offsets 1 to 9`,
    run: `${recognised("4.5", consumer)}; ${missed} missed, then ${range(consumer.received)}`,
    held:
      isRecognised("4.5", consumer) &&
      begins(consumer, { offset: 1, from: "latest" }) &&
      isSame(consumer.received, producer.sent.slice(1)) &&
      consumer.received.length === records - 1,
  };
}

function comingAgain({ second: { producer, consumer } }: Observed, records: number): Row {
  return {
    figure: "4.3",
    report: `trapdoor ${ellipsis(REPORT_TRAPDOORS["4.3"].scan)}; offsets 10 to 19`,
    run: `${recognised("4.3", consumer)}; ${range(consumer.received)}`,
    held:
      isRecognised("4.3", consumer) &&
      isWhole(producer, records, records) &&
      begins(consumer, { offset: records, from: "committed" }) &&
      isSame(consumer.received, producer.sent),
  };
}

function streaming({ streaming: { producer, before, after } }: Observed, records: number): Row {
  const earlier = EARLIER_RUNS * records;
  const stop = earlier + before.received.length;
  const isComplete = isSame([...before.received, ...after.received], producer.sent);
  return {
    figure: "4.6",
    report: "from offset 40; after a stop it resumes where it was",
    run: `${range(before.received)}, stop, ${range(after.received)} (${after.beginning.from}); ${isComplete ? "none lost or twice" : "NOT what was sent"}`,
    held:
      producer.name === REPORT_NAMES["topic-2"] &&
      isWhole(producer, earlier, records) &&
      begins(before, { offset: earlier, from: "latest" }) &&
      begins(after, { offset: stop, from: "committed" }) &&
      before.received.length > 0 &&
      after.received.length > 0 &&
      isComplete,
  };
}

function latestOffset({ latest, names }: Observed, records: number): Row {
  const [, name = "", end] = /^(\w+)(:\d+:\d+)$/.exec(latest) ?? [];
  return {
    figure: "4.7",
    report: `${ellipsis(REPORT_NAMES["topic-2"])}:0:50`,
    run: `${ellipsis(name)}${end} (${groupsIn(REPORT_NAMES["topic-2"], name)} of ${GROUPS} groups)`,
    held:
      names["topic-2"] === REPORT_NAMES["topic-2"] &&
      latest === `${REPORT_NAMES["topic-2"]}:0:${(EARLIER_RUNS + 1) * records}`,
  };
}

function match({ answer, leader, brokers, streaming: { after } }: Observed): Row {
  const expected = { topic_name: REPORT_NAMES["topic-2"], brokerAddress: leader };
  const shown = answer.replace(after.name, ellipsis(after.name));
  return {
    figure: "Listing 7",
    report: '{"topic_name":"058402c7…","brokerAddress":"127.0.0.1:9092"}',
    run: `${shown}; leader ${leader}, of ${brokers.length} brokers`,
    held: leader !== null && answer === JSON.stringify(expected) && after.broker === leader,
  };
}

function isReports(name: string): boolean {
  return TOPICS.some((topic) => REPORT_NAMES[topic] === name);
}

/** A name of this run, and how much of it is the report's. */
function compared(topic: ReportTopic, name: string): string {
  return `${ellipsis(name)} (${groupsIn(REPORT_NAMES[topic], name)} of ${GROUPS} groups)`;
}

function recognised(figure: keyof typeof REPORT_TRAPDOORS, { trapdoor }: ConsumerRun): string {
  const groups = groupsIn(REPORT_TRAPDOORS[figure].scan, trapdoor);
  return `trapdoor ${ellipsis(trapdoor)} (${groups} of ${GROUPS} groups)`;
}

function isRecognised(figure: keyof typeof REPORT_TRAPDOORS, consumer: ConsumerRun): boolean {
  const { scan, legible } = REPORT_TRAPDOORS[figure];
  return consumer.name === REPORT_NAMES["topic-1"] && groupsIn(scan, consumer.trapdoor) === legible;
}

/** Whether the producer sent `count` records from offset `first` on, keyed by consecutive times. */
function isWhole({ sent }: ProducerRun, first: number, count: number): boolean {
  const start = sent[0]?.key ?? 0;
  const expected = Array.from({ length: count }, (_, index) => ({
    key: start + index,
    value: `Hello at ${start + index}`,
    partition: 0,
    offset: first + index,
  }));
  return isSame(expected, sent);
}

function isSame(received: readonly ReceivedRecord[], sent: readonly ReceivedRecord[]): boolean {
  const text = ({ key, value, partition, offset }: ReceivedRecord): string =>
    JSON.stringify([key, value, partition, offset]);
  return received.map(text).join() === sent.map(text).join();
}

function begins({ beginning }: ConsumerRun, { offset, from }: Beginning): boolean {
  return beginning.offset === offset && beginning.from === from;
}

function range(records: readonly ReceivedRecord[]): string {
  const [first, last] = [records[0], records.at(-1)];
  return first && last ? `offsets ${first.offset} to ${last.offset}` : "nothing";
}

/** The mean time between two records, from the second on: after the first the producer may wait for a consumer. */
function pace([, ...sent]: readonly SentRecord[]): number {
  const [first, last] = [sent[0]?.elapsedMs ?? 0, sent.at(-1)?.elapsedMs ?? 0];
  return Math.round((last - first) / Math.max(1, sent.length - 1));
}
