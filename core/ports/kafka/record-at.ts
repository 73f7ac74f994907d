/** One record, by its place. */
import { VeilError } from "../../errors.ts";
import type { Kafka } from "./client.ts";
import { Feed } from "./feed.ts";
import type { KafkaMessage } from "./record-batch.ts";

const DEADLINE_MS = 5000;
/** A record and its batch: the rest of an answer is not needed. */
const MAX_BYTES = 2 ** 18;

/** `null` where it is gone. Throws TIMEOUT while Kafka does not answer. */
export async function readRecordAt(
  kafka: Kafka,
  where: { readonly topic: string; readonly partition: number; readonly offset: bigint },
): Promise<KafkaMessage | null> {
  const end = new AbortController();
  let found: KafkaMessage | null | undefined;
  const feed = new Feed({
    kafka,
    maxBytes: MAX_BYTES,
    maxPartitionBytes: MAX_BYTES,
    onBatch: async ({ messages }) => {
      found = messages.find(({ offset }) => offset === where.offset) ?? null;
      end.abort();
    },
    onLost: async () => {
      found = null;
      end.abort();
    },
  });
  feed.add(where);
  await feed.run(AbortSignal.any([end.signal, AbortSignal.timeout(DEADLINE_MS)]));
  if (found === undefined) throw new VeilError("TIMEOUT", "Kafka did not give the record in time");
  return found;
}
