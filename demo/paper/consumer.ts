/**
 * The report's consumer (Listings 13 to 16): encrypts the topic's name with EJ1, has the match find the topic and its
 * broker, and reads there as one of `groupConsumer`, from the committed offset on, or from the latest if there is none.
 */
import { get } from "node:http";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { EXIT, type ExitCode } from "../../cli/exit-codes.ts";
import { printLine } from "../../cli/messages.ts";
import { VeilError } from "../../core/errors.ts";
import { type MemberRecord, readAsMember } from "../../core/ports/kafka/group-member.ts";
import { EJ1, enc } from "../../core/scheme/paper/client.ts";
import { parseJson } from "../../core/wire/fields.ts";
import { REQUEST_TIMEOUT_MS } from "./clients.ts";
import {
  beginningLine,
  connectingLine,
  DONE,
  GROUP_ID,
  joinedLine,
  receivedLine,
  subscribeLine,
  trapdoorLine,
} from "./lines.ts";
import { play } from "./play.ts";

const MATCH_DEADLINE_MS = 30_000;

const optionsSchema = z.object({
  /** Of the match server, "host:port". */
  match: z.string(),
  topic: z.string(),
  /** After it the consumer commits and stops. */
  lastOffset: z.int().min(0),
});
export type ConsumerRole = z.infer<typeof optionsSchema>;

const matchSchema = z.object({ topic_name: z.string(), brokerAddress: z.string() });

async function consume(options: ConsumerRole, signal: AbortSignal): Promise<ExitCode> {
  const trapdoor = enc(options.topic, EJ1);
  printLine(trapdoorLine(trapdoor));
  const answer = await askMatch(options.match, trapdoor);
  if (!answer.startsWith("{")) {
    printLine(answer);
    return EXIT.TOPIC_NOT_FOUND;
  }
  const { topic_name, brokerAddress } = parseJson(answer, matchSchema);
  printLine(connectingLine(brokerAddress));
  printLine(subscribeLine(topic_name));
  await read(topic_name, { brokerAddress, lastOffset: options.lastOffset }, signal);
  printLine(DONE);
  return EXIT.OK;
}

async function askMatch(match: string, trapdoor: string): Promise<string> {
  const url = `http://${match}/enc_match/${trapdoor}`;
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown): void =>
      reject(new VeilError("UNAVAILABLE", "the match server gave no answer", { cause }));
    const call = get(url, { signal: AbortSignal.timeout(MATCH_DEADLINE_MS) }, (response) => {
      if (response.statusCode === 200) text(response).then(resolve, failed);
      else failed(new Error(`HTTP ${response.statusCode}`));
    });
    call.on("error", failed);
  });
}

/** Reads as one of the group until `lastOffset` or the end of `signal`; what was printed is committed. */
async function read(
  topic: string,
  { brokerAddress, lastOffset }: { brokerAddress: string; lastOffset: number },
  signal: AbortSignal,
): Promise<void> {
  await readAsMember(
    {
      broker: brokerAddress,
      groupId: GROUP_ID,
      topic,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      onJoined: (partitions) => printLine(joinedLine(partitions)),
      onBeginning: ({ offset, committed }) => {
        const from = committed ? "committed" : "latest";
        printLine(beginningLine({ offset: Number(offset), from }));
      },
      onRecord: (record) => {
        print(record);
        return record.offset < BigInt(lastOffset) ? "next" : "last";
      },
    },
    signal,
  );
}

function print({ offset, key, value }: MemberRecord): void {
  if (!key || !value) throw new VeilError("BAD_RECORD", "a record without a key or a value");
  const record = { key: Number(key.readBigInt64BE()), value: value.toString("utf8") };
  printLine(receivedLine({ ...record, partition: 0, offset: Number(offset) }));
}

await play(optionsSchema, consume);
