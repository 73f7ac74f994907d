/** What the outbox tests share: an outbox in a folder of its own, and entries to put in. */
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { NewEntry, StoredEntry, StreamId } from "../../../../agent/device/outbox/entry.ts";
import type { OutboxOptions } from "../../../../agent/device/outbox/options.ts";
import { Outbox } from "../../../../agent/device/outbox/outbox.ts";

export const A = "aa".repeat(16);
export const B = "bb".repeat(16);

export function record(stream: StreamId, text: string): NewEntry {
  return { stream, kind: "record", payload: Buffer.from(text) };
}

export function announcement(stream: StreamId, text: string): NewEntry {
  return { stream, kind: "announcement", payload: Buffer.from(text) };
}

/** A started outbox in `folder`, stopped at the end of the test. fsync groups are short: tests wait for them. */
export async function openOutbox(
  folder: string,
  options: Partial<OutboxOptions> = {},
): Promise<Outbox> {
  const outbox = new Outbox({
    folder: join(folder, "outbox"),
    rejectedFolder: join(folder, "rejected"),
    syncIntervalMs: 1,
    ...options,
  });
  await outbox.start();
  onTestFinished(() => outbox.stop());
  return outbox;
}

/** Everything of `stream` that is to be sent, in order. */
export async function unsent(outbox: Outbox, stream: StreamId): Promise<StoredEntry[]> {
  const all: StoredEntry[] = [];
  let after = outbox.streams().find((state) => state.stream === stream)?.acknowledged ?? 0;
  for (;;) {
    const entries = await outbox.next(stream, after, 7);
    const last = entries.at(-1);
    if (last === undefined) return all;
    all.push(...entries);
    after = last.sequence;
  }
}

export function texts(entries: readonly StoredEntry[]): string[] {
  return entries.map(({ payload }) => payload.toString());
}
