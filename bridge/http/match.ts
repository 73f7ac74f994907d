/** `POST /v1/match` (PROTOCOL.md §6): from a trapdoor to the Kafka topic and who leads it. */
import type { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import { MAX_TOKEN_BYTES } from "../../core/scheme/suite.ts";
import { kafkaTopicOf } from "../../core/scheme/tag.ts";
import {
  type matchRequestSchema,
  type matchResponseSchema,
  TOPIC_NOT_FOUND,
} from "../../core/wire/http.ts";
import type { Login } from "../../core/wire/login.ts";
import type { Leader } from "../brokers/types.ts";
import type { Matching } from "../matching/matching.ts";
import type { FreshDirectory } from "./fresh-directory.ts";

export interface MatchOptions {
  readonly directory: FreshDirectory;
  readonly matching: Pick<Matching, "match">;
  readonly leaders: (topic: string) => Promise<readonly Leader[] | null>;
}

/**
 * The grant is checked before anything is looked up: not granted and not existing both read NOT_FOUND, "Topic not
 * found". Throws as `Matching.match`, BAD_TOKEN for what is longer than any suite's trapdoor, and UNAVAILABLE while the
 * first partition has no leader.
 */
export async function match(
  options: MatchOptions,
  login: Login,
  { epoch, trapdoor }: z.output<typeof matchRequestSchema>,
): Promise<z.input<typeof matchResponseSchema>> {
  const { directory, matching, leaders } = options;
  refuseTooLong(trapdoor);
  const asked = directory.current(login);
  const tag = await matching.match({ ...asked, operation: "sub", epoch, token: trapdoor });
  // As of now: it may have been revoked while we computed.
  const { client } = directory.current(login);
  if (!directory.allows(client, "sub", tag, Date.now())) throw topicNotFound();
  const topic = kafkaTopicOf(tag);
  const partitions = await leaders(topic);
  if (!partitions || partitions.length === 0) throw topicNotFound();
  const brokerAddress = partitions.find(({ partition }) => partition === 0)?.leader;
  if (!brokerAddress) throw new VeilError("UNAVAILABLE", "the topic has no leader now");
  return {
    topic_name: topic,
    brokerAddress,
    partitions: partitions.map(({ partition, leader }) => ({ partition, leader })),
    epoch,
  };
}

/** Before it is hashed, or waits in memory for its turn. */
function refuseTooLong(trapdoor: Buffer): void {
  if (trapdoor.length <= MAX_TOKEN_BYTES) return;
  const hint = `no suite's trapdoor has more than ${MAX_TOKEN_BYTES} bytes: send what the epoch's halves give`;
  throw new VeilError("BAD_TOKEN", "the trapdoor is too long", { hint });
}

export function topicNotFound(): VeilError {
  return new VeilError("NOT_FOUND", TOPIC_NOT_FOUND);
}
