/** A change of keys as the owner makes it for one device of a field tenant: the next epoch, and mail that brings it. */
import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { generateMaster } from "../../core/scheme/owner.ts";
import type { Halves } from "../../core/scheme/suite.ts";
import { generateSigningKey, importSigningKey } from "../../core/wire/keys.ts";
import { type Mail, sealMail } from "../../core/wire/mail.ts";
import type { NumberedMail } from "../../core/wire/mqtt.ts";
import { type FieldDevice, type FieldTenant, fieldTenant } from "./field-tenant.ts";

/** The device's next keys. */
export interface NextKeys {
  readonly tenant: FieldTenant;
  /** The device's half, and the bridge's. */
  readonly client: Halves;
  readonly proxy: Halves;
  /** What the owner sends; `change` makes it another mail. */
  mail(change?: Partial<Mail>): Promise<NumberedMail>;
}

export interface KeyChange {
  /** As before the change, able to get mail. */
  readonly device: FieldDevice;
  /** Of the epoch after the last. */
  next(): Promise<NextKeys>;
}

/** For a device of `first`, the tenant's first epoch. All later epochs are of suite `p256`. */
export async function keyChange(first: FieldTenant, enrolled: FieldDevice): Promise<KeyChange> {
  const kms = generateSigningKey();
  const identity = await generateX25519Identity();
  const keys = {
    recipient: await identityToRecipient(identity),
    kmsKey: importSigningKey(kms.seed),
  };
  const credential = {
    ...enrolled.credential,
    ageIdentity: identity,
    kmsPublicKey: kms.publicKey,
  };
  const { tenant: name, client } = credential;
  const epochs = [...credential.epochs];
  const halves = [...credential.halves];
  let { serial } = credential;
  let { epoch } = first.realm;
  return {
    device: { ...enrolled, credential },
    next: async () => {
      epoch++;
      const master = await generateMaster({ suite: "p256", random: randomBytes });
      const tenant = fieldTenant(name, epoch, master);
      const split = tenant.split();
      epochs.push({ epoch, parameters: tenant.parameters });
      halves.push({ epoch, halves: split.client });
      const body: Mail = {
        ...{ veilmq: "mail", version: 1, tenant: name, client, serial: ++serial },
        ...{ epochs: [...epochs], halves: [...halves] },
      };
      return {
        tenant,
        ...split,
        mail: async (change = {}) => {
          const mail = { ...body, ...change };
          const { document } = await sealMail(mail, keys);
          return { number: mail.serial, document };
        },
      };
    },
  };
}
