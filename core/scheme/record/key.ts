/**
 * The data key of a record stream (PROTOCOL.md §3), from the IKM that a suite's wrap and unwrap give:
 *
 *   salt   = SHA-256("VEILMQ-V01-kdf\0" ‖ suite(1) ‖ ctx(tenant, epoch, topic) ‖ lp(producerId))
 *   K      = expand("VEILMQ-V01 key\0" ‖ aead(1), 32)         expand: HKDF-SHA-256 (RFC 5869) of IKM, salt
 *   iv     = expand("VEILMQ-V01 iv\0" ‖ aead(1), 12)
 *   commit = expand("VEILMQ-V01 commit\0", 32);  kid = commit[0..16]
 */
import { timingSafeEqual } from "node:crypto";
import { VeilError } from "../../errors.ts";
import { hkdf, join, lp, sha256 } from "../bytes.ts";
import { context, type Realm } from "../context.ts";
import { type AeadId, KID_BYTES, type RecordSuiteId } from "./header.ts";

const KEY_BYTES = 32;
const IV_BYTES = 12;
export const COMMIT_BYTES = 32;

/** What a data key is bound to. */
export interface RecordKeyInput {
  readonly suite: RecordSuiteId;
  readonly aead: AeadId;
  readonly realm: Realm;
  readonly topic: string;
  /** The producer's client id. */
  readonly producerId: string;
  /** I2OSP(r, k), by suite: from `ClientRole.wrap` or `unwrap`. Secret. */
  readonly ikm: Uint8Array;
}

/** A data key for one suite, algorithm, epoch, topic and producer. Secret; lives in memory only. */
export interface RecordKey {
  readonly suite: RecordSuiteId;
  readonly aead: AeadId;
  readonly epoch: number;
  /** K, 32 bytes. */
  readonly key: Buffer;
  /** 12 bytes; XORed with seq. */
  readonly iv: Buffer;
  /** 32 bytes, published in the announcement; the same for both algorithms. */
  readonly commit: Buffer;
  /** commit[0..16]: what a record names its key by. */
  readonly kid: Buffer;
  /** SHA-256("VEILMQ-V01-aad\0" ‖ ctx(tenant, epoch, topic) ‖ lp(producerId)): the AAD's second part. */
  readonly binding: Buffer;
}

/** Derives K, iv, commit and kid. Throws BAD_ARGUMENT above 65,535 bytes of topic or producer id. */
export function deriveRecordKey(input: RecordKeyInput): RecordKey {
  const { suite, aead, realm, ikm } = input;
  const salt = recordSalt(input);
  const expand = (info: Buffer, length: number): Buffer => hkdf(ikm, { salt, info, length });
  const algorithm = Uint8Array.of(aead);
  const commit = expand(join("VEILMQ-V01 commit\0"), COMMIT_BYTES);
  return {
    suite,
    aead,
    epoch: realm.epoch,
    key: expand(join("VEILMQ-V01 key\0", algorithm), KEY_BYTES),
    iv: expand(join("VEILMQ-V01 iv\0", algorithm), IV_BYTES),
    commit,
    kid: commit.subarray(0, KID_BYTES),
    binding: sha256("VEILMQ-V01-aad\0", bound(input)),
  };
}

/** The salt of the derivation: 32 bytes, public. */
export function recordSalt(input: Omit<RecordKeyInput, "ikm" | "aead">): Buffer {
  return sha256("VEILMQ-V01-kdf\0", Uint8Array.of(input.suite), bound(input));
}

/** Throws BAD_KEY unless the key is the one that the producer's announcement committed to. */
export function confirmRecordKey(key: RecordKey, announcedCommit: Uint8Array): void {
  if (
    announcedCommit.length !== COMMIT_BYTES ||
    !timingSafeEqual(key.commit, Buffer.from(announcedCommit))
  )
    throw new VeilError("BAD_KEY", "the released key is not the announced one");
}

function bound(input: { realm: Realm; topic: string; producerId: string }): Buffer {
  return join(context(input.realm, input.topic), lp(input.producerId));
}
