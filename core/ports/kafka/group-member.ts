/**
 * A member of a consumer group, as Kafka's own clients are: it joins, is assigned the partition, reads, commits, leaves.
 * It is kafkajs's Consumer, which nothing of the product uses (docs/decisions/002-kafkajs-internals.md); the replay of the
 * report's chapter 4 does, since the report's consumer was one.
 */
import { type Admin, type Consumer, Kafka, logLevel } from "kafkajs";
import { VeilError } from "../../errors.ts";
import { Backoff } from "../../runtime/backoff.ts";
import { toVeilError } from "./kafka-error.ts";

/** The only one that the topic may have. */
const PARTITION = 0;
/** A fetch of a topic's end waits so long, and with it what is told of the beginning. */
const MAX_WAIT_MS = 200;
/** A new cluster makes its topic of committed offsets only when it is first asked. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 60 };
const BACKOFF = { minMs: RETRY.initialRetryTime, maxMs: RETRY.maxRetryTime };

/** A record as it is in Kafka. */
export interface MemberRecord {
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface GroupMemberOptions {
  /** `host:port` of one that answers. */
  readonly broker: string;
  readonly groupId: string;
  /** Of one partition. */
  readonly topic: string;
  readonly requestTimeoutMs: number;
  /** Called when the coordinator has taken it in, with the partitions that it is to read. */
  readonly onJoined: (partitions: readonly number[]) => void;
  /** Called when it is about to read on from `offset`: the group's, or the latest where it has none. */
  readonly onBeginning: (beginning: {
    readonly offset: bigint;
    readonly committed: boolean;
  }) => void;
  /** Committed when it returns. `"last"`: there is no more to be read. */
  readonly onRecord: (record: MemberRecord) => "next" | "last";
}

/** Reads until the last record, or until `signal` aborts; then leaves the group. Throws UNAVAILABLE, and what a handler threw. */
export async function readAsMember(
  options: GroupMemberOptions,
  signal: AbortSignal,
): Promise<void> {
  const kafka = new Kafka({
    clientId: "veilmq",
    brokers: [options.broker],
    requestTimeout: options.requestTimeoutMs,
    retry: RETRY,
    logLevel: logLevel.NOTHING,
  });
  const admin = kafka.admin();
  const consumer = kafka.consumer({
    groupId: options.groupId,
    maxWaitTimeInMs: MAX_WAIT_MS,
    allowAutoTopicCreation: false,
  });
  try {
    await admin.connect();
    await consumer.connect();
    // Kafka's default, auto.offset.reset=latest.
    await consumer.subscribe({ topics: [options.topic], fromBeginning: false });
    await read({ ...options, admin, consumer, signal });
  } catch (cause) {
    if (cause instanceof VeilError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new VeilError("UNAVAILABLE", `the consumer group does not work: ${why}`, { cause });
  } finally {
    await consumer.disconnect();
    await admin.disconnect();
  }
}

async function read(
  input: GroupMemberOptions & { admin: Admin; consumer: Consumer; signal: AbortSignal },
): Promise<void> {
  const { topic, admin, consumer, signal, onJoined, onBeginning, onRecord } = input;
  const committed = await untilAnswered(() => committedOffset(admin, input), signal);
  await new Promise<void>((resolve, reject) => {
    let isOver = false;
    const end = (): void => {
      isOver = true;
      resolve();
    };
    const { CRASH, FETCH, GROUP_JOIN } = consumer.events;
    consumer.on(GROUP_JOIN, ({ payload }) => onJoined(payload.memberAssignment[topic] ?? []));
    consumer.on(CRASH, ({ payload }) => {
      if (!payload.restart) reject(payload.error);
    });
    // A fetch that has come back had an offset to begin at.
    const begun = new Promise<void>((told) => {
      const forget = consumer.on(FETCH, () => {
        forget();
        const beginning =
          committed === undefined
            ? latestOffset(admin, topic).then((offset) => ({ offset, committed: false }))
            : Promise.resolve({ offset: committed, committed: true });
        beginning.then(onBeginning).then(told, reject);
      });
    });
    signal.addEventListener("abort", end, { once: true });
    consumer
      .run({
        autoCommit: false,
        eachMessage: async ({ partition, message: { key, value, offset } }) => {
          await begun;
          if (isOver) return;
          const what = onRecord({ offset: BigInt(offset), key, value });
          const next = (BigInt(offset) + 1n).toString();
          const offsets = [{ topic, partition, offset: next }];
          await untilAnswered(() => consumer.commitOffsets(offsets), signal);
          if (what === "last") end();
        },
      })
      .catch(reject);
    if (signal.aborted) end();
  });
}

/**
 * What kafkajs asks once only, asked until the coordinator answers: one that has just been made so says for a while that
 * it is not. Throws what cannot be tried again, and what it is told last or once `signal` has aborted.
 */
export async function untilAnswered<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const backoff = new Backoff(BACKOFF);
  for (let retries = RETRY.retries; ; retries -= 1) {
    try {
      return await ask();
    } catch (error) {
      if (retries === 0 || !toVeilError(error, "asking the group's coordinator").retryable)
        throw error;
      if (!(await backoff.wait(signal))) throw error;
    }
  }
}

async function committedOffset(
  admin: Admin,
  { groupId, topic }: GroupMemberOptions,
): Promise<bigint | undefined> {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const offset = BigInt(found?.partitions.find(isThePartition)?.offset ?? -1);
  return offset < 0n ? undefined : offset;
}

async function latestOffset(admin: Admin, topic: string): Promise<bigint> {
  const found = (await admin.fetchTopicOffsets(topic)).find(isThePartition);
  if (!found) throw new VeilError("NOT_FOUND", "the topic has no partition");
  return BigInt(found.high);
}

function isThePartition({ partition }: { readonly partition: number }): boolean {
  return partition === PARTITION;
}
