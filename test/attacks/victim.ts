/**
 * Whom the attacks are made against: one tenant with real keys of 2,048 bits, its KMS, and clients of which both
 * halves are at hand, so that a test can hand them to whoever it lets collude.
 */
import { type KeyObject, randomBytes } from "node:crypto";
import { KeyRing } from "../../agent/consumer/key-ring.ts";
import { Marks } from "../../agent/consumer/marks.ts";
import { type Opened, Opener } from "../../agent/consumer/opener.ts";
import { os2ip } from "../../core/scheme/bytes.ts";
import { clientRole } from "../../core/scheme/client.ts";
import { publicParameters, splitHalves } from "../../core/scheme/owner.ts";
import { proxyRole, releaseRole } from "../../core/scheme/proxy.ts";
import { AEAD } from "../../core/scheme/record/header.ts";
import { deriveRecordKey, type RecordKey } from "../../core/scheme/record/key.ts";
import { sealRecord } from "../../core/scheme/record/seal.ts";
import type { RsaMaster } from "../../core/scheme/rsa/owner.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { kafkaTopicOf } from "../../core/scheme/tag.ts";
import { decodeAnnouncement, encodeAnnouncement, kidOf } from "../../core/wire/announcement.ts";
import { certPath } from "../../core/wire/directory.ts";
import { signDocument } from "../../core/wire/document.ts";
import type { ReleasedKey } from "../../core/wire/http.ts";
import { generateSigningKey, importPublicKey, importSigningKey } from "../../core/wire/keys.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";
import { silentLog } from "../support/kafka.ts";

export const REALM = { tenant: "acme", epoch: 1 };
export const N_TAG = os2ip(FIXTURE_MASTER.tag.p) * os2ip(FIXTURE_MASTER.tag.q);
export const N_REC = os2ip(FIXTURE_MASTER.record.p) * os2ip(FIXTURE_MASTER.record.q);
/** k, of both moduli. */
export const K = 256;
export const RECORD_E = 65_537n;

const PARAMETERS = publicParameters(FIXTURE_MASTER);
const KMS = generateSigningKey();
const KMS_KEY = importSigningKey(KMS.seed);
export const KMS_PUBLIC_KEY = importPublicKey(KMS.publicKey);

/** Both halves of one client, as numbers: what it and the bridge have together. */
export interface BothHalves {
  readonly tag: { readonly client: bigint; readonly proxy: bigint };
  readonly record: { readonly client: bigint; readonly proxy: bigint };
}

/** UGen of a consumer: production's, under any master. */
export function bothHalves(master: RsaMaster = FIXTURE_MASTER): BothHalves {
  return numbersOf(splitHalves({ master, random: randomBytes, consumer: true }));
}

/** A data key as its producer knows it. */
export interface MadeKey {
  readonly ikm: Buffer;
  readonly wrapped: Buffer;
  readonly key: RecordKey;
}

/** A client, seen from both sides. */
export class Party {
  readonly id: string;
  readonly halves: BothHalves;
  readonly role;
  readonly proxy;
  readonly release;
  readonly signingKey: KeyObject;
  readonly #publicKey: Buffer;

  constructor(id: string) {
    const halves = splitHalves({ master: FIXTURE_MASTER, random: randomBytes, consumer: true });
    const { seed, publicKey } = generateSigningKey();
    this.id = id;
    this.halves = numbersOf(halves);
    this.role = clientRole({ realm: REALM, parameters: PARAMETERS, halves: halves.client });
    this.proxy = proxyRole({ realm: REALM, parameters: PARAMETERS, halves: halves.proxy });
    this.release = releaseRole({ realm: REALM, parameters: PARAMETERS, halves: halves.proxy });
    this.signingKey = importSigningKey(seed);
    this.#publicKey = publicKey;
  }

  /** Its certificate, as the KMS signed it. */
  certificate({ serial = 1, signs = false } = {}): Buffer {
    const signingKey = this.#publicKey.toString("base64url");
    const body = { tenant: REALM.tenant, client: this.id, serial, signingKey, signs };
    return signDocument("cert", certPath(REALM.tenant, this.id), body, KMS_KEY);
  }

  makeKey(topic: string): MadeKey {
    const { ikm, wrapped } = this.role.wrap(randomBytes);
    return { ikm, wrapped, key: keyOf(ikm, { topic, producerId: this.id }) };
  }

  /** An announcement under its own signature; of W, commit and name it may say what it likes. */
  announce({ wrapped, commit, producerId = this.id }: Announced): Buffer {
    const { epoch } = REALM;
    return encodeAnnouncement(
      { suite: SUITE.rsa, epoch, producerId, createdAtMs: 0, wrapped, commit },
      this.signingKey,
    );
  }
}

interface Announced {
  readonly wrapped: Buffer;
  readonly commit: Buffer;
  readonly producerId?: string;
}

/** The data key of an IKM under a topic and a producer: whoever has r computes it. */
export function keyOf(
  ikm: Buffer,
  { topic, producerId }: { readonly topic: string; readonly producerId: string },
): RecordKey {
  const aead = AEAD.aes256Gcm;
  return deriveRecordKey({ suite: SUITE.rsa, aead, realm: REALM, topic, producerId, ikm });
}

/** A record of one value. */
export function reading(
  key: RecordKey,
  seq: number,
  options: { readonly value?: number; readonly signingKey?: KeyObject | undefined } = {},
): Buffer {
  const { value = 21.5, signingKey } = options;
  const plaintext = Buffer.from(JSON.stringify([{ n: "t", v: value }]));
  return sealRecord({ key, seq: BigInt(seq), timeMs: 0, plaintext, padded: true, signingKey });
}

/** What the bridge answers a consumer: the announcement, PDec of its W, a certificate. */
export function released(consumer: Party, announcement: Buffer, cert: Buffer): ReleasedKey {
  const { wrapped, commit } = decodeAnnouncement(announcement);
  const V = consumer.release.release(wrapped);
  return { kid: kidOf({ commit }), ann: announcement, V, cert };
}

/** A message as it lies in Kafka; records of one producer have one message key. */
export interface Message {
  readonly key?: string;
  readonly value: Buffer;
  /** Kafka's, which the operator sets. */
  readonly timestampMs?: number;
}

/** The real consumer, reading one topic, with a bridge that answers `keys` whatever it is asked. */
export class Reader {
  readonly #opener: Opener;
  readonly #marks = new Marks();
  #offset = 0n;

  constructor(consumer: Party, topic: string, keys: readonly ReleasedKey[]) {
    const kafkaTopic = kafkaTopicOf(Buffer.alloc(32));
    const bridge = { keys: async () => ({ keys: [...keys], missing: [] }) };
    const scheme = { realm: REALM, unwrap: async (V: Buffer) => consumer.role.unwrap(V) };
    const kmsPublicKey = KMS_PUBLIC_KEY;
    const ring = new KeyRing({ topic, kafkaTopic, kmsPublicKey, bridge, schemeOf: () => scheme });
    this.#opener = new Opener({ topic, keys: ring, log: silentLog });
  }

  async read(...messages: Message[]): Promise<Opened> {
    const batch = messages.map(({ key = "pseudonym", value, timestampMs = 0 }) => {
      return { offset: this.#offset++, timestampMs, key: Buffer.from(key), value };
    });
    const prepared = await this.#opener.prepare(
      { topic: "t", partition: 0, messages: batch, highWatermark: this.#offset },
      this.#marks,
      new AbortController().signal,
    );
    return await this.#opener.open(prepared, this.#marks);
  }
}

function numbersOf({ client, proxy }: ReturnType<typeof splitHalves>): BothHalves {
  return {
    tag: { client: os2ip(client.tag), proxy: os2ip(proxy.tag) },
    record: { client: number(client.record), proxy: number(proxy.record) },
  };
}

function number(half: Buffer | undefined): bigint {
  if (!half) throw new Error("a consumer has record halves");
  return os2ip(half);
}
