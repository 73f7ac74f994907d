/** `public.json`: what the operator puts into bridge.yaml to serve a tenant. Nothing in it is secret. */
import { z } from "zod";
import { VeilError } from "../core/errors.ts";
import { MODULUS_BITS } from "../core/scheme/rsa/modulus.ts";
import { bytesField, epochField, nameField } from "../core/wire/fields.ts";
import type { MasterFile } from "./master-file.ts";
import type { KeyKind } from "./master-key.ts";

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
    bits: z.literal(MODULUS_BITS),
  }),
  z.strictObject({ ...common, suite: z.literal(["p256", "hmac", "pki"]) }),
]);
export type PublicFile = z.output<typeof publicFileSchema>;

/** What a master file says of one of its epochs to everybody. Throws EPOCH where it has no such epoch. */
export function publicFileOf(
  { tenant, kmsPublicKey, epochs }: MasterFile,
  epoch: number,
): PublicFile {
  const master = epochs.find((known) => known.epoch === epoch)?.master;
  if (!master) throw new VeilError("EPOCH", `the tenant has no keys of epoch ${epoch}`);
  const common = { tenant, kmsPublicKey, epoch };
  if (master.suite !== "rsa") return { ...common, suite: master.suite };
  const size = 8 * (master.tag.p.length + master.tag.q.length);
  const bits = MODULUS_BITS.find((allowed) => allowed === size);
  if (!bits) throw new VeilError("BAD_DOCUMENT", "the master file has a modulus of another size");
  return { ...common, suite: master.suite, bits };
}

/** The suite of an epoch's keys, and their size where the suite has sizes. Throws EPOCH. */
export function keyKindOfEpoch(master: MasterFile, epoch: number): KeyKind {
  const found = publicFileOf(master, epoch);
  return found.suite === "rsa" ? { suite: found.suite, bits: found.bits } : { suite: found.suite };
}

export function encodePublicFile({ kmsPublicKey, ...rest }: PublicFile): string {
  const document: z.input<typeof publicFileSchema> = {
    ...rest,
    kmsPublicKey: kmsPublicKey.toString("base64url"),
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}
