/**
 * Attack: another producer's wrapped key, announced as one's own and then released by kid. A limit, shown.
 * Holds: a wrapped key W of a topic that the attacker was never granted; and, alone or two together, `pub` and `sub` on
 *   one topic of the same tenant and epoch.
 * Does: blinds W so that nobody recognises it, announces it in its own name under its own topic with a made-up commit,
 *   asks for that kid, unwraps V, takes the blinding off. The bridge cannot tell: it sees an element, a signature
 *   that holds, and a grant. "Kids only" does not help, since announcing is a way to hand in an element.
 * Gets: r, and with the topic's name the data key; and a test for guesses of that name, the commit.
 * VeilMQ: does not prevent it: it keeps W away from whom it is not for. W is in no record; it goes to the bridge over
 *   TLS, lies sealed in the registry, and is released only with a `sub` grant. What remains is a device's disk: an
 *   announcement waits in the outbox until its PUBACK, beside records that r opens. A stolen card of a device that was
 *   offline, and any such client, are enough. A proof of knowledge of r in the announcement would close it.
 * PROTOCOL.md §3 (Key announcement, Release).
 */
import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { FreshDirectory } from "../../bridge/http/fresh-directory.ts";
import { releaseKeys } from "../../bridge/http/keys.ts";
import { Matching } from "../../bridge/matching/matching.ts";
import { modInverse } from "../../core/scheme/arithmetic.ts";
import { i2osp, os2ip } from "../../core/scheme/bytes.ts";
import { AEAD, splitRecord } from "../../core/scheme/record/header.ts";
import { deriveRecordKey } from "../../core/scheme/record/key.ts";
import { openSplit } from "../../core/scheme/record/open.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { kafkaTopicOf } from "../../core/scheme/tag.ts";
import { decodeAnnouncement, encodeAnnouncement } from "../../core/wire/announcement.ts";
import { generateSigningKey, importPublicKey } from "../../core/wire/keys.ts";
import { IngressRig } from "../flow/ingress-rig.ts";
import type { Member } from "../support/fleet.ts";
import { fold, power } from "./toy.ts";
import { K, N_REC, RECORD_E } from "./victim.ts";

const SECRET = "plant/secret";
const OWN = "mallory/own";

test("whoever has W of a topic, and pub and sub on another, has its key", async () => {
  const rig = await IngressRig.start();
  const pump = await rig.connect(rig.fleet.enrol("pump", [SECRET]));
  await pump.register(1, SECRET);
  // What lies in the outbox of the victim, and on its card.
  const stolen = { announcement: pump.announcement(1, SECRET), record: pump.record(1, 0, "7 bar") };

  const mallory = await rig.connect(rig.fleet.enrol("mallory", [OWN]));
  const { wrapped } = decodeAnnouncement(stolen.announcement);
  // A square, so that the blinded value passes *Check*: its Jacobi symbol is +1.
  const s = power(os2ip(randomBytes(128)), 2n, N_REC);
  const blinded = i2osp(fold(os2ip(wrapped) * power(s, RECORD_E, N_REC), N_REC), K);
  const commit = randomBytes(32);
  await mallory.register(1, OWN);
  await mallory.publish("key", 1, announce(mallory.member, blinded, commit));
  const V = await askForKey(rig, mallory.member, commit.subarray(0, 16));

  const unwrapped = os2ip(mallory.member.role.unwrap(V));
  const ikm = i2osp(fold(unwrapped * modInverse(s, N_REC), N_REC), K);
  const key = deriveRecordKey({
    ...{ suite: SUITE.rsa, aead: AEAD.aes256Gcm, realm: mallory.member.role.realm, ikm },
    ...{ topic: SECRET, producerId: "pump" },
  });
  const producerKey = importPublicKey(generateSigningKey().publicKey);
  const plaintext = openSplit(splitRecord(stolen.record), { key, producerKey, signs: false });
  expect(plaintext.toString()).toBe("7 bar");
});

test("but who has no `sub` gets nothing released, announced or not", async () => {
  const rig = await IngressRig.start();
  const member = rig.fleet.enrol("mallory", [OWN], ["pub"]);
  const mallory = await rig.connect(member);
  await mallory.open(1, OWN);
  await expect(askForKey(rig, member, randomBytes(16))).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

function announce({ login, signingKey }: Member, wrapped: Buffer, commit: Buffer): Buffer {
  const producerId = login.client;
  return encodeAnnouncement(
    { suite: SUITE.rsa, epoch: 1, producerId, createdAtMs: 0, wrapped, commit },
    signingKey,
  );
}

/** `POST /v1/keys` for one kid of the attacker's own topic; V of the first answer. */
async function askForKey(rig: IngressRig, { login }: Member, kid: Buffer): Promise<Buffer> {
  const matching = new Matching({ maxWorkers: 1 });
  onTestFinished(() => matching.stop());
  const { fleet, registry } = rig;
  const verified = {
    tenant: fleet.tenant.bind(fleet),
    client: fleet.client.bind(fleet),
    changes: 0,
    allows: fleet.allows.bind(fleet),
    onClientChange: fleet.onClientChange.bind(fleet),
    onTenant: fleet.onTenant.bind(fleet),
    ageMs: () => 0,
    import: async () => ({ accepted: 0, unchanged: 0 }),
  };
  const directory = new FreshDirectory({ directory: verified, maxAgeMs: 1 });
  const find = async () => [...registry.entries.values()];
  const topic_name = kafkaTopicOf(fleet.tag(OWN));
  const request = { topic_name, kids: [kid] };
  const { keys } = await releaseKeys({ directory, matching, registry: { find } }, login, request);
  return Buffer.from(keys[0]?.V ?? "", "base64url");
}
