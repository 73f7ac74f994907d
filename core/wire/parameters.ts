/** Public parameters and halves (PROTOCOL.md §2) as JSON, in documents and credentials. */
import { z } from "zod";
import type { Halves, PublicParameters } from "../scheme/suite.ts";
import { bytesField, epochField } from "./fields.ts";

const P256_BYTES = 32;

/** The public parameters of one epoch. */
export const parametersSchema = z.discriminatedUnion("suite", [
  z.strictObject({ suite: z.literal("rsa"), nTag: bytesField(), nRec: bytesField() }),
  z.strictObject({ suite: z.literal("p256"), xRec: bytesField(P256_BYTES) }),
  z.strictObject({ suite: z.literal("hmac") }),
  z.strictObject({ suite: z.literal("pki") }),
]) satisfies z.ZodType<PublicParameters, unknown>;

/** An epoch in force. */
export const epochSchema = z.strictObject({ epoch: epochField, parameters: parametersSchema });
export type Epoch = z.output<typeof epochSchema>;

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

export function encodeEpoch({ epoch, parameters }: Epoch): z.input<typeof epochSchema> {
  return { epoch, parameters: encodeParameters(parameters) };
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
