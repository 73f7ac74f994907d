/** age (age-encryption.org/v1): how the owner's keys rest, and how K_b travels to the bridge. */
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { VeilError } from "../core/errors.ts";
import { ScryptIdentity, ScryptRecipient } from "./scrypt-stanza.ts";

/** Bech32 of an X25519 public key: no hybrid or plugin recipient (PROTOCOL.md §4). */
const X25519_RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;

/** log2 of scrypt's N: half a second or more and 256 MiB for every guess, age's own default. */
const SCRYPT_WORK_FACTOR = 18;

export async function sealUnderPassphrase(
  plain: Uint8Array | string,
  passphrase: string,
  workFactor = SCRYPT_WORK_FACTOR,
): Promise<Uint8Array> {
  const age = new Encrypter();
  age.addRecipient(new ScryptRecipient(passphrase, workFactor));
  return await age.encrypt(plain);
}

/** Throws AUTH: a wrong passphrase and a changed file look the same. */
export async function openUnderPassphrase(
  sealed: Uint8Array,
  passphrase: string,
): Promise<Uint8Array> {
  const age = new Decrypter();
  age.addIdentity(new ScryptIdentity(passphrase));
  return await age.decrypt(sealed).catch((cause: unknown) => {
    throw new VeilError("AUTH", "the passphrase does not open the master file", {
      hint: "is it the passphrase of this tenant? If so, the file was changed: take a copy",
      cause,
    });
  });
}

/** As {@link sealUnderPassphrase}, 64 KiB at a time. */
export async function sealStream(
  plain: AsyncIterable<Uint8Array>,
  passphrase: string,
  workFactor = SCRYPT_WORK_FACTOR,
): Promise<AsyncIterable<Uint8Array>> {
  const age = new Encrypter();
  age.addRecipient(new ScryptRecipient(passphrase, workFactor));
  return await age.encrypt(ReadableStream.from(plain));
}

/** The plaintext of a sealed stream. Throws AUTH: here for a wrong passphrase, while it is read for what was changed. */
export async function openStream(
  sealed: AsyncIterable<Uint8Array>,
  passphrase: string,
): Promise<AsyncIterable<Uint8Array>> {
  const age = new Decrypter();
  age.addIdentity(new ScryptIdentity(passphrase));
  const refuse = (cause: unknown): never => {
    if (isSystemError(cause)) throw cause;
    throw new VeilError("AUTH", "the passphrase does not open the backup, or it was changed", {
      hint: "it is the passphrase that was given to `kms export`, not the tenant's",
      cause,
    });
  };
  const plain = await age.decrypt(ReadableStream.from(sealed)).catch(refuse);
  return refusing(plain, refuse);
}

async function* refusing(
  stream: AsyncIterable<Uint8Array>,
  refuse: (cause: unknown) => never,
): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (cause) {
    refuse(cause);
  }
}

/** A file that cannot be read says so itself. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

/** Seals to `age1…` X25519 recipients. Throws BAD_ARGUMENT where there is none or one is malformed. */
export async function sealToRecipients(
  plain: Uint8Array,
  recipients: readonly string[],
): Promise<Buffer> {
  const age = new Encrypter();
  checkRecipients(recipients);
  for (const recipient of recipients) age.addRecipient(recipient);
  return Buffer.from(await age.encrypt(plain));
}

/** Throws BAD_ARGUMENT unless there is at least one, and all are `age1…` X25519 recipients. */
export function checkRecipients(recipients: readonly string[]): void {
  if (recipients.length === 0)
    throw new VeilError("BAD_ARGUMENT", "a bridge recipient is needed", {
      hint: "ask the operator for what `veilmq bridge identity` printed",
    });
  for (const recipient of recipients) {
    try {
      if (!X25519_RECIPIENT.test(recipient)) throw new Error("not X25519");
      new Encrypter().addRecipient(recipient);
    } catch (cause) {
      throw new VeilError("BAD_ARGUMENT", "a bridge recipient is not an age1… X25519 recipient", {
        hint: "ask the operator for what `veilmq bridge identity` printed",
        cause,
      });
    }
  }
}

/** A fresh X25519 pair: `AGE-SECRET-KEY-1…` and `age1…`. */
export async function generateAgePair(): Promise<{ identity: string; recipient: string }> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}
