/** The lines that the report's two programs print (Listings 9 to 16), and how the replay reads them back. */

export interface SentRecord {
  readonly key: number;
  readonly value: string;
  readonly partition: number;
  readonly offset: number;
  /** Since the producer's first record was due. */
  readonly elapsedMs: number;
}
export type ReceivedRecord = Omit<SentRecord, "elapsedMs">;

/** Where a consumer begins to read: after everything that is there, or where its group stopped. */
export interface Beginning {
  readonly offset: number;
  readonly from: "latest" | "committed";
}

/** Listing 15. */
export const GROUP_ID = "groupConsumer";
export const DONE = "DONE";

const META = String.raw`\(key=(?<key>\d+) value=(?<value>[^)]*)\) meta\(partition=(?<partition>\d+), offset=(?<offset>\d+)\)`;
const SENT = new RegExp(`^Sent record: ${META} time=(?<time>\\d+)$`);
const RECEIVED = new RegExp(`^Received record: ${META}$`);
const BEGINNING = new RegExp(
  `^Reading as ${GROUP_ID} from offset=(?<offset>\\d+) \\((?<from>latest|committed)\\)$`,
);

export function connectingLine(brokerAddress: string): string {
  return `Connecting to ${brokerAddress}...`;
}

export function publishLine(name: string): string {
  return `Publish to ${name}`;
}

export function trapdoorLine(trapdoor: string): string {
  return `Trapdoor is ${trapdoor}`;
}

export function subscribeLine(name: string): string {
  return `Subscribe topic ${name}`;
}

/** Not in the report: what the group's coordinator gave the consumer to read. */
export function joinedLine(partitions: readonly number[]): string {
  return `Joined ${GROUP_ID}, partition ${partitions.join(", ")}`;
}

/** Not in the report, whose figures leave to the reader what offset a consumer begins at, and why. */
export function beginningLine({ offset, from }: Beginning): string {
  return `Reading as ${GROUP_ID} from offset=${offset} (${from})`;
}

export function sentLine(record: SentRecord): string {
  return `Sent record: ${meta(record)} time=${record.elapsedMs}`;
}

export function receivedLine(record: ReceivedRecord): string {
  return `Received record: ${meta(record)}`;
}

function meta({ key, value, partition, offset }: ReceivedRecord): string {
  return `(key=${key} value=${value}) meta(partition=${partition}, offset=${offset})`;
}

/** What follows `prefix` in such a line; `null` for any other. */
export function readAfter(prefix: string, line: string): string | null {
  return line.startsWith(prefix) ? line.slice(prefix.length) : null;
}

export function readBroker(line: string): string | null {
  return readAfter("Connecting to ", line)?.replace(/\.{3}$/, "") ?? null;
}

export function readSent(line: string): SentRecord | null {
  const groups = SENT.exec(line)?.groups;
  return groups ? { ...readMeta(groups), elapsedMs: Number(groups["time"]) } : null;
}

export function readReceived(line: string): ReceivedRecord | null {
  const groups = RECEIVED.exec(line)?.groups;
  return groups ? readMeta(groups) : null;
}

export function readBeginning(line: string): Beginning | null {
  const { offset, from } = BEGINNING.exec(line)?.groups ?? {};
  if (offset === undefined) return null;
  return { offset: Number(offset), from: from === "latest" ? "latest" : "committed" };
}

function readMeta(groups: Record<string, string>): ReceivedRecord {
  const { key, value = "", partition, offset } = groups;
  return { key: Number(key), value, partition: Number(partition), offset: Number(offset) };
}
