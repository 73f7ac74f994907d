/** Public parameters and halves (PROTOCOL.md §2) as JSON, in documents and credentials. */
import { z } from "zod";
import type { Halves, PublicParameters } from "../scheme/suite.ts";
import { bytesField, epochField, timeMsField } from "./fields.ts";

const P256_BYTES = 32;

/** The public parameters of one epoch. */
const parametersSchema = z.discriminatedUnion("suite", [
  z.strictObject({ suite: z.literal("rsa"), nTag: bytesField(), nRec: bytesField() }),
  z.strictObject({ suite: z.literal("p256"), xRec: bytesField(P256_BYTES) }),
  z.strictObject({ suite: z.literal("hmac") }),
  z.strictObject({ suite: z.literal("pki") }),
]) satisfies z.ZodType<PublicParameters, unknown>;

/** An epoch, as the scheme takes it. */
export const epochSchema = z.strictObject({ epoch: epochField, parameters: parametersSchema });
export type Epoch = z.output<typeof epochSchema>;

/**
 * An epoch in force, as heads, credentials and mail list them. The newest has no ends; a rotation gives them to those
 * before it. The bridge's clock decides, by the head: to a client they are for information.
 */
export const epochInForceSchema = epochSchema.extend({
  /** End of the grace window: tokens and trapdoors of this epoch are taken before it, not from it on. */
  tagsUntilMs: timeMsField.optional(),
  /** Records and announcements are taken, and keys released, before this. Not before `tagsUntilMs`. */
  recordsUntilMs: timeMsField.optional(),
});
export type EpochInForce = z.output<typeof epochInForceSchema>;
/** At most this many epochs count at a time: in heads, credentials, mail and sealed halves. */
export const MAX_EPOCHS = 16;

/** The halves of one epoch. */
export const halvesSchema = z
  .strictObject({ epoch: epochField, tag: bytesField(), record: bytesField().optional() })
  .transform(
    ({ epoch, tag, record }): EpochHalves => ({
      epoch,
      halves: record ? { tag, record } : { tag },
    }),
  );
export type EpochHalves = { readonly epoch: number; readonly halves: Halves };

/** All that a client is to hold, in credentials and in mail: the epochs that count for it, and its halves of each. */
export const clientKeyFields = {
  epochs: z.array(epochInForceSchema).min(1).max(MAX_EPOCHS),
  halves: z.array(halvesSchema).min(1).max(MAX_EPOCHS),
};

/**
 * The bridge's halves of one epoch, as enrolments seal them: without the tag half once the grace window is over, and
 * with a record half only for a consumer.
 */
export const proxyHalvesSchema = z
  .strictObject({
    epoch: epochField,
    tag: bytesField().optional(),
    record: bytesField().optional(),
  })
  .transform(
    ({ epoch, tag, record }): EpochProxyHalves => ({
      epoch,
      halves: { ...(tag && { tag }), ...(record && { record }) },
    }),
  );
export type ProxyHalves = Partial<Halves>;
export type EpochProxyHalves = { readonly epoch: number; readonly halves: ProxyHalves };

export function encodeProxyHalves({
  epoch,
  halves: { tag, record },
}: EpochProxyHalves): z.input<typeof proxyHalvesSchema> {
  return {
    epoch,
    ...(tag && { tag: tag.toString("base64url") }),
    ...(record && { record: record.toString("base64url") }),
  };
}

/** Without its ends, where it has some: the scheme knows no time. */
export function encodeEpoch({ epoch, parameters }: Epoch): z.input<typeof epochSchema> {
  return { epoch, parameters: encodeParameters(parameters) };
}

export function encodeEpochInForce(epoch: EpochInForce): z.input<typeof epochInForceSchema> {
  const { tagsUntilMs, recordsUntilMs } = epoch;
  return { ...encodeEpoch(epoch), tagsUntilMs, recordsUntilMs };
}

export function encodeClientKeys({
  epochs,
  halves,
}: {
  readonly epochs: readonly EpochInForce[];
  readonly halves: readonly EpochHalves[];
}) {
  return { epochs: epochs.map(encodeEpochInForce), halves: halves.map(encodeHalves) };
}

function encodeParameters(parameters: PublicParameters): z.input<typeof parametersSchema> {
  switch (parameters.suite) {
    case "rsa": {
      const { suite, nTag, nRec } = parameters;
      return { suite, nTag: nTag.toString("base64url"), nRec: nRec.toString("base64url") };
    }
    case "p256":
      return { suite: parameters.suite, xRec: parameters.xRec.toString("base64url") };
    case "hmac":
    case "pki":
      return { suite: parameters.suite };
  }
}

export function encodeHalves({ epoch, halves }: EpochHalves): z.input<typeof halvesSchema> {
  const tag = halves.tag.toString("base64url");
  return halves.record
    ? { epoch, tag, record: halves.record.toString("base64url") }
    : { epoch, tag };
}
