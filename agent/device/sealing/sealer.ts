/**
 * Seals the readings of one topic in one epoch (PROTOCOL.md §3, "On the device"). r, K and seq live here
 * and nowhere else, so a cloned or restored card cannot repeat a nonce. A kid begins at the first reading
 * after a start, every 7 days of monotonic time, every 2^32 records, and when the bridge asks.
 */
import type { KeyObject } from "node:crypto";
import { VeilError } from "../../../core/errors.ts";
import type { Realm } from "../../../core/scheme/context.ts";
import type { AeadId, RecordSuiteId } from "../../../core/scheme/record/header.ts";
import { deriveRecordKey, type RecordKey } from "../../../core/scheme/record/key.ts";
import { sealRecord } from "../../../core/scheme/record/seal.ts";
import { encodeAnnouncement } from "../../../core/wire/announcement.ts";
import type { NewEntry, StreamId } from "../outbox/entry.ts";
import type { WrappedKey } from "./scheme.ts";
import { streamIdOf } from "./stream-id.ts";

const KID_LIFETIME_MS = 7 * 24 * 3600 * 1000;
const MAX_RECORDS_PER_KID = 2 ** 32;

/** One reading as it leaves the profile: a SenML pack (RFC 8428), in JSON. */
export interface Reading {
  readonly plaintext: Buffer;
  /** The device's clock when it was taken, milliseconds since 1970. */
  readonly takenAtMs: number;
  /** No policy may drop it: the clock record, without which what was taken before it keeps no time. */
  readonly isKept?: true;
}

export interface SealerOptions {
  readonly suite: RecordSuiteId;
  readonly realm: Realm;
  readonly topic: string;
  /** The client id of the credential. */
  readonly producerId: string;
  /** The producer's Ed25519 key: of announcements, and of records where `signs`. */
  readonly signingKey: KeyObject;
  readonly signs: boolean;
  /** Asked when a key is made. */
  readonly aead: () => AeadId;
  readonly padded: boolean;
  readonly scheme: { wrap(epoch: number): Promise<WrappedKey> };
  readonly maxRecordsPerKid?: number;
  readonly kidLifetimeMs?: number;
  /** Monotonic; `performance.now` unless a test brings its own. */
  readonly monotonicMs?: () => number;
}

export class Sealer {
  readonly stream: StreamId;
  readonly #options: SealerOptions;
  readonly #monotonicMs: () => number;
  #key: RecordKey | undefined;
  #seq = 0;
  #madeAtMs = 0;

  constructor(options: SealerOptions) {
    this.#options = options;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.stream = streamIdOf(options.realm, options.topic);
  }

  /** Whether the next reading must wait for `renew`. */
  get needsKey(): boolean {
    const { maxRecordsPerKid = MAX_RECORDS_PER_KID, kidLifetimeMs = KID_LIFETIME_MS } =
      this.#options;
    return (
      this.#key === undefined ||
      this.#seq >= maxRecordsPerKid ||
      this.#monotonicMs() - this.#madeAtMs >= kidLifetimeMs
    );
  }

  /** Makes a new kid. Its announcement must be in the outbox before any record sealed afterwards. */
  async renew(): Promise<NewEntry> {
    const { suite, realm, topic, producerId, aead, signingKey, scheme } = this.#options;
    const { ikm, wrapped } = await scheme.wrap(realm.epoch);
    const key = deriveRecordKey({ suite, aead: aead(), realm, topic, producerId, ikm });
    ikm.fill(0);
    this.#key = key;
    this.#seq = 0;
    this.#madeAtMs = this.#monotonicMs();
    const announcement = {
      suite,
      epoch: realm.epoch,
      producerId,
      createdAtMs: Date.now(),
      wrapped,
      commit: key.commit,
    };
    const payload = encodeAnnouncement(announcement, signingKey);
    return { stream: this.stream, kind: "announcement", payload };
  }

  /** Seals one reading. Throws TOO_LARGE above 64 KiB; then no sequence number is used. */
  seal(reading: Reading): NewEntry {
    const { signs, signingKey, padded } = this.#options;
    if (!this.#key) throw new VeilError("INTERNAL", "a reading was sealed before its key was made");
    const payload = sealRecord({
      key: this.#key,
      seq: BigInt(this.#seq),
      timeMs: reading.takenAtMs,
      plaintext: reading.plaintext,
      padded,
      signingKey: signs ? signingKey : undefined,
    });
    this.#seq++;
    return { stream: this.stream, kind: "record", payload };
  }

  /** The bridge asks: the next reading begins a new kid. */
  rekey(): void {
    this.#key = undefined;
  }
}
