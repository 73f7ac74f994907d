/**
 * Attack: true mail at the wrong time or the wrong client. After a rotation because of compromised keys, the operator
 * shows a client its old mail again, to bring back the halves and the modulus that it knows how to break; or gives it
 * another client's; or has the owner's documents say in a mail what contradicts the credential.
 * Holds: all mail that the owner ever sent, byte for byte, and every path in ZooKeeper.
 * Does: offers mail again, in any order, under any number; also to a client that has missed some.
 * Gets: with mail that is only signed and sealed, a client that goes back to what was given up.
 * VeilMQ: a mail's number, under the signature, is its serial; a client takes none that is not above its own, and none
 *   that changes an epoch which it knows. Mail is complete: what was missed is in the next.
 * PROTOCOL.md §4 (Mail).
 */
import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, test } from "vitest";
import { generateMaster, publicParameters, splitHalves } from "../../core/scheme/owner.ts";
import type { Credential } from "../../core/wire/credential.ts";
import { generateSigningKey, importSigningKey } from "../../core/wire/keys.ts";
import { sealMail, takeMail } from "../../core/wire/mail.ts";
import type { NumberedMail } from "../../core/wire/mqtt.ts";

const kms = generateSigningKey();
const EPOCHS = await Promise.all(
  [1, 2, 3].map(async (epoch) => {
    const master = await generateMaster({ suite: "p256", random: randomBytes });
    const halvesOf = () => splitHalves({ master, random: randomBytes, consumer: true }).client;
    return { epoch, parameters: publicParameters(master), halvesOf };
  }),
);
const PUMP = await client("pump");
const FAN = await client("fan");
/** A rotation, and one because of compromised keys. */
const first = [await mailTo(PUMP, 10, [1, 2]), await mailTo(FAN, 11, [1, 2])];
const second = [await mailTo(PUMP, 20, [3]), await mailTo(FAN, 21, [3])];

/** A client of epoch 1, with what it will get in its mail. */
async function client(name: string) {
  const entries = EPOCHS.map(({ epoch, parameters, halvesOf }) => ({
    epoch: { epoch, parameters },
    halves: { epoch, halves: halvesOf() },
  }));
  const credential: Credential = {
    ...{ veilmq: "credential", version: 1, tenant: "acme", client: name, serial: 1 },
    epochs: entries.slice(0, 1).map(({ epoch }) => epoch),
    halves: entries.slice(0, 1).map(({ halves }) => halves),
    secret: randomBytes(32),
    signingKey: randomBytes(32),
    signs: false,
    ageIdentity: await generateX25519Identity(),
    kmsPublicKey: kms.publicKey,
    groupKey: randomBytes(32),
    bridge: { mqtt: [], http: [] },
    topics: [],
  };
  return { credential, entries };
}

type Victim = Awaited<ReturnType<typeof client>>;

async function mailTo(
  { credential, entries }: Victim,
  serial: number,
  epochs: readonly number[],
): Promise<NumberedMail> {
  const { tenant, client: name } = credential;
  const chosen = entries.filter(({ epoch }) => epochs.includes(epoch.epoch));
  const { document } = await sealMail(
    {
      ...{ veilmq: "mail", version: 1, tenant, client: name, serial },
      epochs: chosen.map(({ epoch }) => epoch),
      halves: chosen.map(({ halves }) => halves),
    },
    {
      recipient: await identityToRecipient(credential.ageIdentity),
      kmsKey: importSigningKey(kms.seed),
    },
  );
  return { number: serial, document };
}

function sent(to: Victim, mail = second): NumberedMail {
  const found = mail[to === PUMP ? 0 : 1];
  if (!found) throw new Error("no mail was sent");
  return found;
}

test("who missed one is where everybody is with the next", async () => {
  const late = await takeMail(PUMP.credential, sent(PUMP, first));
  const inTurn = await takeMail(late, sent(PUMP));
  const atOnce = await takeMail(PUMP.credential, sent(PUMP));
  expect(atOnce).toEqual(inTurn);
  expect(atOnce.epochs.map(({ epoch }) => epoch)).toEqual([3]);
});

test("old mail does not bring back what was given up, and no mail counts twice", async () => {
  const now = await takeMail(PUMP.credential, sent(PUMP));
  for (const old of [sent(PUMP, first), sent(PUMP)])
    await expect(takeMail(now, old)).rejects.toMatchObject({ code: "ROLLED_BACK" });
});

test("old mail under a new number is not what the owner signed", async () => {
  const now = await takeMail(PUMP.credential, sent(PUMP));
  const renumbered = { ...sent(PUMP, first), number: sent(PUMP).number + 1 };
  await expect(takeMail(now, renumbered)).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
});

test("another client's mail is nobody else's, whoever's number it has", async () => {
  for (const mail of [sent(FAN), { ...sent(FAN), number: sent(PUMP).number }])
    await expect(takeMail(PUMP.credential, mail)).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
  // Nor does it open: it is sealed to the other one's key.
  const asFan = { ...PUMP.credential, client: "fan" };
  await expect(takeMail(asFan, sent(FAN))).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
});
