/** PROTOCOL.md §6: what consumers and dashboards ask a bridge over HTTP. */
import { z } from "zod";
import { KID_BYTES } from "../scheme/record/header.ts";
import { bytesField, epochField, mailNumberField } from "./fields.ts";

export const MAX_KIDS_PER_CALL = 256;
export const TOPIC_NOT_FOUND = "Topic not found";

export const kafkaTopicField = z.string().regex(/^veil-[a-z2-7]{52}$/);
const addressField = z.string().regex(/^[^:\s]+:[0-9]{1,5}$/);

/** `POST /v1/match`. A topic without a grant and one that does not exist read the same: 404. */
export const matchRequestSchema = z.strictObject({ epoch: epochField, trapdoor: bytesField() });
export const matchResponseSchema = z.object({
  topic_name: kafkaTopicField,
  /** The leader of the first partition, `host:port`. */
  brokerAddress: addressField,
  partitions: z.array(z.object({ partition: z.int().min(0), leader: addressField.nullable() })),
  epoch: epochField,
});
export type MatchResponse = z.output<typeof matchResponseSchema>;

/** `POST /v1/keys`: kids, never a group element. */
export const keysRequestSchema = z.strictObject({
  topic_name: kafkaTopicField,
  kids: z.array(bytesField(KID_BYTES)).min(1).max(MAX_KIDS_PER_CALL),
});
export const keysResponseSchema = z.object({
  /** One kid may come several times, announced by several producers: the commit tells which is right. */
  keys: z.array(
    z.object({
      kid: bytesField(KID_BYTES),
      /** The whole announcement. */
      ann: bytesField(),
      /** PDec of its W. */
      V: bytesField(),
      /** The producer's certificate, a signed document. */
      cert: bytesField(),
    }),
  ),
  missing: z.array(bytesField(KID_BYTES)),
});
export type KeysResponse = z.output<typeof keysResponseSchema>;
export type ReleasedKey = KeysResponse["keys"][number];

/** `GET /v1/brokers`. */
export const brokersResponseSchema = z.object({ brokers: z.array(addressField) });

/**
 * `GET /v1/mail`: the client's own mail, the oldest first; none reads as an empty list. `DELETE /v1/mail/<number>`
 * → 204, also where it is gone already: the client has stored it, or will never take it.
 */
export const mailResponseSchema = z.object({
  mail: z.array(z.object({ number: mailNumberField, document: bytesField() })),
});

/** `POST /v1/import`: how many documents were new, and how many the bridge had already. */
export const importResponseSchema = z.object({ accepted: z.int(), unchanged: z.int() });
export type ImportResponse = z.output<typeof importResponseSchema>;

const hopField = z.object({ state: z.enum(["up", "down"]), ageMs: z.number().nullable() });
/** `GET /v1/status`: the state of the hops. */
export const statusResponseSchema = z.object({
  bridge: hopField,
  kafka: hopField,
  zookeeper: hopField,
  directory: hopField,
});
export type StatusResponse = z.output<typeof statusResponseSchema>;

/** Every error answer (PROTOCOL.md §7): a code of the fixed list, a sentence, whether asking again may help, a hint. */
export const errorResponseSchema = z.object({
  code: z.string().optional(),
  message: z.string(),
  retryable: z.boolean().optional(),
  hint: z.string().optional(),
});
export type ErrorResponse = z.output<typeof errorResponseSchema>;
