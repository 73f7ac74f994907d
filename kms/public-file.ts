/** `public.json`: what the operator puts into bridge.yaml to serve a tenant. Nothing in it is secret. */
import { z } from "zod";
import { bytesField, epochField, nameField } from "../core/wire/fields.ts";

const common = {
  tenant: nameField,
  /** Ed25519 public key that every document of the tenant is signed with. */
  kmsPublicKey: bytesField(32),
  epoch: epochField,
};

export const publicFileSchema = z.discriminatedUnion("suite", [
  z.strictObject({
    ...common,
    suite: z.literal("rsa"),
    /** The size of each modulus. */
    bits: z.literal([2048, 3072, 4096]),
  }),
  z.strictObject({ ...common, suite: z.literal(["p256", "hmac", "pki"]) }),
]);
export type PublicFile = z.output<typeof publicFileSchema>;

export function encodePublicFile({ kmsPublicKey, ...rest }: PublicFile): string {
  const document: z.input<typeof publicFileSchema> = {
    ...rest,
    kmsPublicKey: kmsPublicKey.toString("base64url"),
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}
