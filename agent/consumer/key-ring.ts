/**
 * Data keys by kid (PROTOCOL.md §3, "Release"): asked of the bridge in batches, one call for many kids, and believed only
 * when the certificate is the KMS's, the announcement is the certified producer's, and the commit is the key's own.
 */
import type { KeyObject } from "node:crypto";
import { LRUCache } from "lru-cache";
import { type ErrorCode, isVeilError, VeilError } from "../../core/errors.ts";
import type { Realm } from "../../core/scheme/context.ts";
import { AEAD, type AeadId, recordSuiteOf } from "../../core/scheme/record/header.ts";
import { confirmRecordKey, deriveRecordKey, type RecordKey } from "../../core/scheme/record/key.ts";
import {
  type Announcement,
  decodeAnnouncement,
  kidOf,
  verifyAnnouncement,
} from "../../core/wire/announcement.ts";
import { type Cert, certPath, certSchema } from "../../core/wire/directory.ts";
import { openDocument } from "../../core/wire/document.ts";
import { MAX_KIDS_PER_CALL, type ReleasedKey } from "../../core/wire/http.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import type { BridgeClient } from "./bridge-client.ts";
import type { EpochScheme } from "./scheme.ts";

const MAX_KEYS = 50_000;
/** `BAD_CREDENTIAL`: of an epoch that this consumer never had keys of. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  "BAD_KEY",
  "BAD_RECORD",
  "BAD_DOCUMENT",
  "BAD_CREDENTIAL",
]);

/** What a consumer holds of one kid. */
export interface HeldKey {
  readonly producerId: string;
  /** The producer's Ed25519 key, from its certificate. */
  readonly producerKey: KeyObject;
  /** Whether this producer signs every record. */
  readonly signs: boolean;
  /** The data key, for the algorithm that a record names. */
  readonly byAead: Readonly<Record<AeadId, RecordKey>>;
}

export interface KeyRingOptions {
  /** In clear: it is bound into each key. */
  readonly topic: string;
  readonly kafkaTopic: string;
  readonly kmsPublicKey: KeyObject;
  readonly bridge: Pick<BridgeClient, "keys">;
  /**
   * The consumer's side in the epoch that an announcement names: of a record that waited in an outbox it may be an older
   * one than its Kafka topic's. Throws BAD_CREDENTIAL for one that there are no keys of.
   */
  readonly schemeOf: (epoch: number) => Pick<EpochScheme, "realm" | "unwrap">;
}

export class KeyRing {
  readonly #options: KeyRingOptions;
  readonly #held = new LRUCache<string, HeldKey>({ max: MAX_KEYS });

  constructor(options: KeyRingOptions) {
    this.#options = options;
  }

  /**
   * The keys of `kids` (hex). What the bridge does not have, or what does not hold, comes as a VeilError.
   * Throws what says nothing of them: that the bridge cannot be asked, or a key not be computed now.
   */
  async get(kids: Iterable<string>): Promise<Map<string, HeldKey | VeilError>> {
    const found = new Map<string, HeldKey | VeilError>();
    const wanted: string[] = [];
    for (const kid of new Set(kids)) {
      const held = this.#held.get(kid);
      if (held) found.set(kid, held);
      else wanted.push(kid);
    }
    for (let n = 0; n < wanted.length; n += MAX_KIDS_PER_CALL)
      await this.#fetch(wanted.slice(n, n + MAX_KIDS_PER_CALL), found);
    return found;
  }

  async #fetch(kids: string[], found: Map<string, HeldKey | VeilError>): Promise<void> {
    const { bridge, kafkaTopic } = this.#options;
    const asked = new Set(kids);
    const { keys } = await bridge.keys(
      kafkaTopic,
      kids.map((kid) => Buffer.from(kid, "hex")),
    );
    const opened = await Promise.all(
      keys
        .map((released) => ({ released, kid: released.kid.toString("hex") }))
        .filter(({ kid }) => asked.has(kid))
        .map(async ({ released, kid }) => ({
          kid,
          key: await this.#open(released).catch(asRefusal),
        })),
    );
    for (const { kid, key } of opened) {
      // Several producers may have announced one kid: the first that holds is the right one.
      if (this.#held.has(kid)) continue;
      if (!(key instanceof VeilError)) this.#held.set(kid, key);
      found.set(kid, key);
    }
    for (const kid of kids)
      if (!found.has(kid))
        found.set(
          kid,
          new VeilError("BAD_KEY", "the bridge has no key announcement of this record"),
        );
  }

  async #open({ kid, ann, V, cert }: ReleasedKey): Promise<HeldKey> {
    const { topic, schemeOf } = this.#options;
    const announcement = decodeAnnouncement(ann);
    if (!kidOf(announcement).equals(kid))
      throw new VeilError("BAD_KEY", "the announcement is of another key");
    const { realm, unwrap } = schemeOf(announcement.epoch);
    const certified = this.#certify(realm, announcement, { ann, cert });
    const ikm = await unwrap(V);
    const input = {
      suite: recordSuiteOf(announcement.suite),
      producerId: announcement.producerId,
      realm,
      topic,
      ikm,
    };
    const byAead = {
      [AEAD.aes256Gcm]: deriveRecordKey({ ...input, aead: AEAD.aes256Gcm }),
      [AEAD.chacha20Poly1305]: deriveRecordKey({ ...input, aead: AEAD.chacha20Poly1305 }),
    };
    confirmRecordKey(byAead[AEAD.aes256Gcm], announcement.commit);
    return {
      producerId: announcement.producerId,
      producerKey: importPublicKey(certified.signingKey),
      signs: certified.signs,
      byAead,
    };
  }

  #certify(
    realm: Realm,
    announcement: Announcement,
    { ann, cert }: Pick<ReleasedKey, "ann" | "cert">,
  ): Cert {
    const { kmsPublicKey } = this.#options;
    const path = certPath(realm.tenant, announcement.producerId);
    const certified = openDocument("cert", path, cert, { kmsPublicKey, schema: certSchema });
    if (certified.tenant !== realm.tenant || certified.client !== announcement.producerId)
      throw new VeilError("BAD_KEY", "the certificate is of another producer");
    if (!verifyAnnouncement(ann, importPublicKey(certified.signingKey)))
      throw new VeilError("BAD_KEY", "the producer did not sign this announcement");
    return certified;
  }
}

/**
 * What speaks of the record, its key or its epoch is a refusal. Anything else may be otherwise the next time, or is a
 * fault of ours: a record must not be lost by it.
 */
function asRefusal(error: unknown): VeilError {
  if (isVeilError(error) && REFUSALS.has(error.code)) return error;
  throw error;
}
