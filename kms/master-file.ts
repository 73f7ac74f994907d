/** `master.age`: the keys that everything of a tenant comes from. Written at init, and at a new epoch. */
import { z } from "zod";
import type { Master } from "../core/scheme/owner.ts";
import {
  bytesField,
  epochField,
  nameField,
  parseJson,
  serialField,
  timeMsField,
} from "../core/wire/fields.ts";
import { MAX_EPOCHS } from "../core/wire/parameters.ts";
import { BRIDGE_KEY_BYTES } from "../core/wire/store.ts";
import { openUnderPassphrase, sealUnderPassphrase } from "./age.ts";

export const STATE_KEY_BYTES = 32;
const SEED_BYTES = 32;

const key = bytesField(32);
const masterKeySchema = z.discriminatedUnion("suite", [
  z.strictObject({
    suite: z.literal("rsa"),
    tag: z.strictObject({ p: bytesField(), q: bytesField(), e: bytesField() }),
    record: z.strictObject({ p: bytesField(), q: bytesField() }),
  }),
  z.strictObject({ suite: z.literal("p256"), tag: key, record: key }),
  z.strictObject({ suite: z.literal("hmac"), sharedKey: key, proxyKey: key }),
  z.strictObject({ suite: z.literal("pki"), sharedKey: key, proxyKey: key }),
]) satisfies z.ZodType<Master, unknown>;

const masterEpochSchema = z.strictObject({
  epoch: epochField,
  master: masterKeySchema,
  /** When its names and its records end; the newest has no ends. See `epochs.ts`. */
  tagsUntilMs: timeMsField.optional(),
  recordsUntilMs: timeMsField.optional(),
  /** The bridge gets no tag halves of it any more. */
  tagsRetired: z.literal(true).optional(),
});
/** An epoch that counts, with its master key. */
export type MasterEpoch = z.output<typeof masterEpochSchema>;

const masterFileSchema = z.strictObject({
  veilmq: z.literal("master"),
  version: z.literal(1),
  tenant: nameField,
  createdAtMs: timeMsField,
  /** Ed25519 seed of the tenant's KMS key, which signs the documents. */
  signingSeed: bytesField(SEED_BYTES),
  kmsPublicKey: bytesField(32),
  /** K_b of PROTOCOL.md §4, shared with the bridge. */
  bridgeKey: bytesField(BRIDGE_KEY_BYTES),
  /** K_state: seals the files below `state/`, and leaves this machine never. */
  stateKey: bytesField(STATE_KEY_BYTES),
  /** The newest last. */
  epochs: z.array(masterEpochSchema).min(1).max(MAX_EPOCHS),
  /**
   * Serial of the head that put these epochs in force; absent before the first rotation. A client whose record is
   * behind it still has to be told of them.
   */
  epochsSerial: serialField.optional(),
});
export type MasterFile = Omit<z.output<typeof masterFileSchema>, "veilmq" | "version">;

/** The content of `master.age`. `workFactor` as `sealUnderPassphrase`. */
export async function sealMaster(
  master: MasterFile,
  passphrase: string,
  workFactor?: number,
): Promise<Uint8Array> {
  return await sealUnderPassphrase(encodeMaster(master), passphrase, workFactor);
}

/** Throws AUTH on a wrong passphrase or a changed file, BAD_DOCUMENT on one of another version. */
export async function openMaster(sealed: Uint8Array, passphrase: string): Promise<MasterFile> {
  return decodeMaster(await openUnderPassphrase(sealed, passphrase));
}

/** The keys in the open, as the worker threads of this process get them. Never on disk. */
export function encodeMaster(master: MasterFile): string {
  const { signingSeed, kmsPublicKey, bridgeKey, stateKey, epochs, ...rest } = master;
  const document: z.input<typeof masterFileSchema> = {
    veilmq: "master",
    version: 1,
    ...rest,
    signingSeed: signingSeed.toString("base64url"),
    kmsPublicKey: kmsPublicKey.toString("base64url"),
    bridgeKey: bridgeKey.toString("base64url"),
    stateKey: stateKey.toString("base64url"),
    epochs: epochs.map((epoch) => ({ ...epoch, master: encodeMasterKey(epoch.master) })),
  };
  return JSON.stringify(document);
}

/** Throws BAD_DOCUMENT. */
export function decodeMaster(plain: Uint8Array | string): MasterFile {
  return parseJson(plain, masterFileSchema, "BAD_DOCUMENT");
}

function encodeMasterKey(master: Master): z.input<typeof masterKeySchema> {
  switch (master.suite) {
    case "rsa": {
      const { suite, tag, record } = master;
      return {
        suite,
        tag: { p: text(tag.p), q: text(tag.q), e: text(tag.e) },
        record: { p: text(record.p), q: text(record.q) },
      };
    }
    case "p256":
      return { suite: master.suite, tag: text(master.tag), record: text(master.record) };
    case "hmac":
    case "pki": {
      const { suite, sharedKey, proxyKey } = master;
      return { suite, sharedKey: text(sharedKey), proxyKey: text(proxyKey) };
    }
  }
}

function text(bytes: Buffer): string {
  return bytes.toString("base64url");
}
