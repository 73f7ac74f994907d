/**
 * PROTOCOL.md §4, mail: how a client gets the keys of a new epoch. At `/veilmq/<tenant>/mail/<clientId>/<number>`:
 *
 *   sig(64) ‖ age file to the client's own recipient, which holds
 *   {"veilmq":"mail","version":1,"tenant":…,"client":…,"serial":…,"epochs":[…],"halves":[…]}
 *
 * A mail is complete: `epochs` and `halves` are all that the client is to hold from then on, so that only the newest
 * mail matters, whatever was missed; an epoch that is not in it is retired. Its number is its serial. On MQTT it comes
 * as `mqtt.ts` has it (`decodeMailPush`), on HTTP as `http.ts` (`mailResponseSchema`).
 *
 * What the client does: {@link takeMail}, write the credential to disk (atomically), and only then acknowledge. A mail
 * that `takeMail` refuses is acknowledged as well: the same bytes will not be any better the next time.
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { VeilError } from "../errors.ts";
import type { Halves } from "../scheme/suite.ts";
import type { Credential } from "./credential.ts";
import { mailPath } from "./directory.ts";
import { signDocument, verifyDocument } from "./document.ts";
import { mailNumberField, nameField, parseJson } from "./fields.ts";
import { importPublicKey } from "./keys.ts";
import type { NumberedMail } from "./mqtt.ts";
import { clientKeyFields, type EpochInForce, encodeClientKeys, encodeEpoch } from "./parameters.ts";

/** When there is mail: a device that starts has no use for it. */
const loadAge = (): Promise<typeof import("age-encryption")> => import("age-encryption");

/** What is inside. */
export const mailSchema = z.strictObject({
  veilmq: z.literal("mail"),
  version: z.literal(1),
  tenant: nameField,
  client: nameField,
  /** As the number in its path. */
  serial: mailNumberField,
  ...clientKeyFields,
});
export type Mail = z.output<typeof mailSchema>;

/** Owner-side: seals `mail` to the client's `age1…` recipient and signs it for its place. */
export async function sealMail(
  mail: Mail,
  { recipient, kmsKey }: { readonly recipient: string; readonly kmsKey: KeyObject },
): Promise<{ path: string; document: Buffer }> {
  const { epochs, halves, ...rest } = mail;
  const body: z.input<typeof mailSchema> = { ...rest, ...encodeClientKeys({ epochs, halves }) };
  const { Encrypter } = await loadAge();
  const age = new Encrypter();
  age.addRecipient(recipient);
  const path = mailPath(mail.tenant, mail.client, mail.serial);
  const sealed = await age.encrypt(JSON.stringify(body));
  return { path, document: signDocument("mail", path, sealed, kmsKey) };
}

/**
 * Client-side: the credential that a mail makes of the present one; nothing is written. Throws BAD_DOCUMENT where the
 * owner did not sign it for this client and number, it is sealed to somebody else (such as this client before it was
 * enrolled again), or it contradicts the credential; ROLLED_BACK where the credential is as new.
 */
export async function takeMail(credential: Credential, mail: NumberedMail): Promise<Credential> {
  return applyMail(credential, await openMail(credential, mail));
}

/** What {@link openMail} takes of a credential. */
export type MailKeys = Pick<Credential, "tenant" | "client" | "kmsPublicKey" | "ageIdentity">;

/** Verifies the signature for the client's own path, then decrypts. Throws BAD_DOCUMENT. */
export async function openMail(
  { tenant, client, kmsPublicKey, ageIdentity }: MailKeys,
  { number, document }: NumberedMail,
): Promise<Mail> {
  const path = mailPath(tenant, client, number);
  const sealed = verifyDocument("mail", path, document, importPublicKey(kmsPublicKey));
  const { Decrypter } = await loadAge();
  const age = new Decrypter();
  age.addIdentity(ageIdentity);
  const plain = await age.decrypt(sealed).catch((cause: unknown) => {
    throw new VeilError("BAD_DOCUMENT", "the mail is not sealed to this credential", { cause });
  });
  const mail = parseJson(plain, mailSchema, "BAD_DOCUMENT");
  if (mail.tenant !== tenant || mail.client !== client || mail.serial !== number)
    throw new VeilError("BAD_DOCUMENT", "the mail is not what its path says");
  return mail;
}

/**
 * The credential with the epochs and halves of `mail`, and its serial; everything else stays. Throws ROLLED_BACK where
 * the serial is not above the credential's; BAD_DOCUMENT where the mail is another client's, has not exactly one set
 * of halves for each epoch, takes the newest epoch back, or changes what is fixed once and for all: the parameters of
 * an epoch, and a half (a record half may be added).
 */
export function applyMail(credential: Credential, mail: Mail): Credential {
  const { tenant, client, serial, epochs, halves } = mail;
  if (tenant !== credential.tenant || client !== credential.client)
    throw new VeilError("BAD_DOCUMENT", "the mail is another client's");
  if (serial <= credential.serial)
    throw new VeilError(
      "ROLLED_BACK",
      `the mail has serial ${serial}, the credential ${credential.serial}`,
    );
  const held = new Map(mail.halves.map((entry) => [entry.epoch, entry.halves]));
  const listed = new Map(epochs.map((epoch) => [epoch.epoch, epoch]));
  if (
    listed.size !== epochs.length ||
    held.size !== halves.length ||
    held.size !== listed.size ||
    !epochs.every(({ epoch }) => held.has(epoch))
  )
    throw new VeilError("BAD_DOCUMENT", "the mail's epochs and halves do not belong together");
  if (newest(epochs) < newest(credential.epochs))
    throw new VeilError("BAD_DOCUMENT", "the mail takes the newest epoch back");
  for (const known of credential.epochs) {
    const now = listed.get(known.epoch);
    if (now && !sameParameters(now, known))
      throw new VeilError("BAD_DOCUMENT", `the mail changes the parameters of epoch ${now.epoch}`);
  }
  for (const { epoch, halves: known } of credential.halves) {
    const now = held.get(epoch);
    if (now && !extendsHalves(now, known))
      throw new VeilError("BAD_DOCUMENT", `the mail changes the halves of epoch ${epoch}`);
  }
  return { ...credential, serial, epochs, halves };
}

function newest(epochs: readonly EpochInForce[]): number {
  return Math.max(...epochs.map(({ epoch }) => epoch));
}

function sameParameters(a: EpochInForce, b: EpochInForce): boolean {
  return JSON.stringify(encodeEpoch(a)) === JSON.stringify(encodeEpoch(b));
}

function extendsHalves(now: Halves, known: Halves): boolean {
  if (!now.tag.equals(known.tag)) return false;
  return known.record === undefined || now.record?.equals(known.record) === true;
}
