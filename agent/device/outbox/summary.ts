/** What waits in an outbox, by what the headers of its records tell. */
import { decodeHeader } from "../../../core/scheme/record/header.ts";
import type { OutboxReader } from "./api.ts";
import type { StreamId } from "./entry.ts";

const BATCH = 1000;

export interface StreamSummary {
  readonly stream: StreamId;
  /** Of its records; null where it has none. */
  readonly epoch: number | null;
  readonly records: number;
  readonly announcements: number;
  /** By the device's clock, milliseconds since 1970; null without records. */
  readonly oldestMs: number | null;
  readonly newestMs: number | null;
}

/** Reads all of it. Throws DISK. */
export async function summarize(outbox: OutboxReader): Promise<StreamSummary[]> {
  const summaries: StreamSummary[] = [];
  for (const { stream, acknowledged } of outbox.streams())
    summaries.push(await summarizeStream(outbox, stream, acknowledged));
  return summaries;
}

async function summarizeStream(
  outbox: OutboxReader,
  stream: StreamId,
  acknowledged: number,
): Promise<StreamSummary> {
  let summary: StreamSummary = {
    stream,
    epoch: null,
    records: 0,
    announcements: 0,
    oldestMs: null,
    newestMs: null,
  };
  for (let after = acknowledged; ; ) {
    const batch = await outbox.next(stream, after, BATCH);
    const last = batch.at(-1);
    if (!last) return summary;
    after = last.sequence;
    for (const { kind, payload } of batch)
      if (kind === "announcement")
        summary = { ...summary, announcements: summary.announcements + 1 };
      else {
        const { epoch, timeMs } = decodeHeader(payload);
        summary = {
          ...summary,
          epoch,
          records: summary.records + 1,
          oldestMs: Math.min(summary.oldestMs ?? timeMs, timeMs),
          newestMs: Math.max(summary.newestMs ?? timeMs, timeMs),
        };
      }
  }
}
