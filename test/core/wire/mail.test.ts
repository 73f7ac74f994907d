import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, it } from "vitest";
import {
  type Credential,
  decodeCredential,
  encodeCredential,
} from "../../../core/wire/credential.ts";
import { generateSigningKey, importSigningKey } from "../../../core/wire/keys.ts";
import { applyMail, type Mail, openMail, sealMail, takeMail } from "../../../core/wire/mail.ts";
import { decodeMailPush, encodeMailPush, type NumberedMail } from "../../../core/wire/mqtt.ts";

const kms = generateSigningKey();
const KMS_KEY = importSigningKey(kms.seed);
const IDENTITY = await generateX25519Identity();
const RECIPIENT = await identityToRecipient(IDENTITY);
const bytes = (fill: number): Buffer => Buffer.alloc(32, fill);

const FIRST = { epoch: 1, parameters: { suite: "p256", xRec: bytes(1) } } as const;
const SECOND = { epoch: 2, parameters: { suite: "hmac" } } as const;
const OLD = { epoch: 1, halves: { tag: bytes(11) } };
const NEW = { epoch: 2, halves: { tag: bytes(12), record: bytes(13) } };

const CREDENTIAL: Credential = {
  veilmq: "credential",
  version: 1,
  tenant: "acme",
  client: "pump",
  serial: 5,
  secret: bytes(2),
  epochs: [FIRST],
  halves: [OLD],
  signingKey: bytes(3),
  signs: false,
  ageIdentity: IDENTITY,
  kmsPublicKey: kms.publicKey,
  groupKey: bytes(4),
  bridge: { mqtt: ["mqtts://bridge:8883"], http: [] },
  topics: [{ name: "plant/temperature", ops: ["pub"] }],
};

const MAIL: Mail = {
  veilmq: "mail",
  version: 1,
  tenant: "acme",
  client: "pump",
  serial: 6,
  epochs: [{ ...FIRST, tagsUntilMs: 1_000, recordsUntilMs: 2_000 }, SECOND],
  halves: [OLD, NEW],
};

/** Sealed by the tenant's KMS to the client, and as it comes over MQTT. */
async function sent(mail: Mail, recipient = RECIPIENT): Promise<NumberedMail> {
  const { document } = await sealMail(mail, { recipient, kmsKey: KMS_KEY });
  return decodeMailPush(encodeMailPush({ number: mail.serial, document }));
}

const bad = { code: "BAD_DOCUMENT" };

describe("a mail", () => {
  it("makes the credential that the client is to have", async () => {
    const after = await takeMail(CREDENTIAL, await sent(MAIL));
    expect(after).toEqual({
      ...CREDENTIAL,
      serial: 6,
      epochs: MAIL.epochs,
      halves: MAIL.halves,
    });
    expect(decodeCredential(Buffer.from(encodeCredential(after)))).toEqual(after);
  });

  it("drops the epochs that are not in it", async () => {
    const after = await takeMail(
      CREDENTIAL,
      await sent({ ...MAIL, epochs: [SECOND], halves: [NEW] }),
    );
    expect(after).toMatchObject({ epochs: [SECOND], halves: [NEW] });
  });

  it("is opened by its client, at its number", async () => {
    const mail = await sent(MAIL);
    expect(await openMail(CREDENTIAL, mail)).toEqual(MAIL);
    await expect(openMail(CREDENTIAL, { ...mail, number: 7 })).rejects.toMatchObject(bad);
    await expect(openMail({ ...CREDENTIAL, client: "fan" }, mail)).rejects.toMatchObject(bad);
    await expect(openMail({ ...CREDENTIAL, tenant: "evil" }, mail)).rejects.toMatchObject(bad);
  });

  it("says nothing to whom it is not sealed to", async () => {
    const other = await identityToRecipient(await generateX25519Identity());
    await expect(takeMail(CREDENTIAL, await sent(MAIL, other))).rejects.toMatchObject(bad);
  });

  it("speaks inside of what its path says", async () => {
    const { document } = await sealMail(MAIL, { recipient: RECIPIENT, kmsKey: KMS_KEY });
    const lie = { ...MAIL, client: "fan" };
    expect(() => applyMail(CREDENTIAL, lie)).toThrow(expect.objectContaining(bad));
    await expect(openMail(CREDENTIAL, { number: 6, document })).resolves.toEqual(MAIL);
  });

  it.each([5, 4, 1])("with serial %i is refused by a credential of serial 5", (serial) => {
    expect(() => applyMail(CREDENTIAL, { ...MAIL, serial })).toThrow(
      expect.objectContaining({ code: "ROLLED_BACK" }),
    );
  });

  const contradictions: Record<string, Partial<Mail>> = {
    "another tenant": { tenant: "evil" },
    "an epoch without halves": { halves: [NEW] },
    "halves without an epoch": { epochs: [SECOND] },
    "an epoch twice": { epochs: [SECOND, SECOND], halves: [NEW, OLD] },
    "halves twice": { epochs: MAIL.epochs, halves: [NEW, NEW] },
    "another suite for a known epoch": {
      epochs: [{ epoch: 1, parameters: { suite: "hmac" } }, SECOND],
    },
    "another key for a known epoch": {
      epochs: [{ epoch: 1, parameters: { suite: "p256", xRec: bytes(9) } }, SECOND],
    },
    "another tag half for a known epoch": {
      halves: [{ epoch: 1, halves: { tag: bytes(9) } }, NEW],
    },
    "an older newest epoch": {
      epochs: [{ epoch: 0, parameters: { suite: "hmac" } }],
      halves: [{ epoch: 0, halves: { tag: bytes(9) } }],
    },
  };
  it.each(Object.entries(contradictions))("with %s is refused", (_, change) => {
    expect(() => applyMail(CREDENTIAL, { ...MAIL, ...change })).toThrow(
      expect.objectContaining(bad),
    );
  });

  it("may add a record half to a known epoch, and not change or take one", () => {
    const reader: Credential = applyMail(CREDENTIAL, {
      ...MAIL,
      halves: [{ epoch: 1, halves: { ...OLD.halves, record: bytes(14) } }, NEW],
    });
    for (const halves of [OLD.halves, { ...OLD.halves, record: bytes(15) }])
      expect(() =>
        applyMail(reader, { ...MAIL, serial: 7, halves: [{ epoch: 1, halves }, NEW] }),
      ).toThrow(expect.objectContaining(bad));
  });
});

describe("a mail on MQTT", () => {
  it("is its number in 8 bytes, and the document", () => {
    const payload = encodeMailPush({ number: 0x0102030405, document: Buffer.from("mail") });
    expect(payload.toString("latin1")).toBe("\0\0\0\x01\x02\x03\x04\x05mail");
    expect(decodeMailPush(payload)).toEqual({
      number: 0x0102030405,
      document: Buffer.from("mail"),
    });
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["a number alone", Buffer.from("0000000000000001", "hex")],
    ["number 0", Buffer.from("000000000000000041", "hex")],
    ["a number beyond 15 digits", Buffer.from("00038d7ea4c6800041", "hex")],
    ["a number beyond 2^53", Buffer.from("ffffffffffffffff41", "hex")],
  ])("is refused with %s", (_, payload) => {
    expect(() => decodeMailPush(payload)).toThrow(expect.objectContaining(bad));
  });
});
