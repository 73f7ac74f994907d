/** A little tenant for consumer tests: a producer, a consumer, and a bridge that may lie. */
import { randomBytes } from "node:crypto";
import { clientRole } from "../../../core/scheme/client.ts";
import type { Realm } from "../../../core/scheme/context.ts";
import { publicParameters, splitHalves } from "../../../core/scheme/owner.ts";
import { releaseRole } from "../../../core/scheme/proxy.ts";
import { AEAD } from "../../../core/scheme/record/header.ts";
import { deriveRecordKey, type RecordKey } from "../../../core/scheme/record/key.ts";
import { sealRecord } from "../../../core/scheme/record/seal.ts";
import { SUITE } from "../../../core/scheme/suite.ts";
import { encodeAnnouncement } from "../../../core/wire/announcement.ts";
import { certPath } from "../../../core/wire/directory.ts";
import { signDocument } from "../../../core/wire/document.ts";
import type { ReleasedKey } from "../../../core/wire/http.ts";
import { generateSigningKey, importPublicKey, importSigningKey } from "../../../core/wire/keys.ts";
import { FIXTURE_MASTER as master } from "../../core/scheme/fixture-master.ts";

export const TOPIC = "field/north/climate";
export const KAFKA_TOPIC = `veil-${"a".repeat(52)}`;

const realm: Realm = { tenant: "acme", epoch: 1 };
const parameters = publicParameters(master);
const consumer = splitHalves({ master, random: randomBytes, consumer: true });
const kms = generateSigningKey();
const release = releaseRole({ realm, parameters, halves: consumer.proxy });
const role = clientRole({ realm, parameters, halves: consumer.client });

export const kmsPublicKey = importPublicKey(kms.publicKey);

/** The consumer's mathematics, in this thread. */
export const scheme = { realm, unwrap: async (released: Buffer) => role.unwrap(released) };

/** A device with one kid, as the bridge would have it. */
export class Producer {
  readonly id: string;
  readonly key: RecordKey;
  readonly released: ReleasedKey;
  readonly #signing = importSigningKey(generateSigningKey().seed);
  #seq = 0n;

  constructor(id: string, options: { signs?: boolean; topic?: string; certifiedAs?: string } = {}) {
    const { signs = false, topic = TOPIC, certifiedAs = id } = options;
    this.id = id;
    const halves = splitHalves({ master, random: randomBytes, consumer: false }).client;
    const { ikm, wrapped } = clientRole({ realm, parameters, halves }).wrap(randomBytes);
    const aead = AEAD.aes256Gcm;
    this.key = deriveRecordKey({ suite: SUITE.rsa, aead, realm, topic, producerId: id, ikm });
    const pair = generateSigningKey();
    this.#signing = importSigningKey(pair.seed);
    const announcement = {
      suite: SUITE.rsa,
      epoch: realm.epoch,
      producerId: id,
      createdAtMs: 0,
      wrapped,
      commit: this.key.commit,
    };
    const body = {
      tenant: realm.tenant,
      client: certifiedAs,
      serial: 1,
      signingKey: pair.publicKey.toString("base64url"),
      signs,
    };
    const path = certPath(realm.tenant, certifiedAs);
    this.released = {
      kid: this.key.kid,
      ann: encodeAnnouncement(announcement, this.#signing),
      V: release.release(wrapped),
      cert: signDocument("cert", path, body, importSigningKey(kms.seed)),
    };
  }

  /** The next record. */
  seal(pack: unknown = [{ n: "t", v: 21.5 }], options: { sign?: boolean } = {}): Buffer {
    const record = sealRecord({
      key: this.key,
      seq: this.#seq,
      timeMs: 1_700_000_000_000,
      plaintext: Buffer.from(JSON.stringify(pack)),
      padded: true,
      signingKey: options.sign ? this.#signing : undefined,
    });
    this.#seq += 1n;
    return record;
  }
}
