/**
 * PROTOCOL.md §2: what every suite offers, by role. A role's module never imports another role's:
 * who holds only `client.ts` cannot compute what the proxy or the owner can.
 * All values are bytes of the suite's fixed length; randomness is a parameter.
 */
import type { Realm } from "./context.ts";

export const SUITE = { paper: 0x00, rsa: 0x01, p256: 0x03, hmac: 0x04, pki: 0x05 } as const;
export type SuiteName = keyof typeof SUITE;
export type SuiteId = (typeof SUITE)[SuiteName];

/** `length` fresh random bytes. `crypto.randomBytes` in production; a recorded stream in vectors. */
export type RandomBytes = (length: number) => Buffer;

/** What a role is made from: one client in one epoch, seen from its own side or from the bridge's. */
export interface RoleInput {
  readonly realm: Realm;
  readonly parameters: PublicParameters;
  /** This side's halves only. */
  readonly halves: Halves;
  /** Accept a modulus whose factors are public: only `veilmq vectors` and tests may say `true`. */
  readonly allowPublicFactors?: boolean;
}

/** Client-side: what a device or a consumer computes with its own halves. */
export interface ClientRole {
  readonly suite: SuiteId;
  readonly realm: Realm;
  /** UEnc: H(topic) under the client half: the token of a producer, the trapdoor of a consumer. */
  token(topic: string): Buffer;
  /** Producer: a fresh secret `r` (the IKM of PROTOCOL.md §3) and its wrapping W for the announcement. */
  wrap(random: RandomBytes): { ikm: Buffer; wrapped: Buffer };
  /** Consumer, UDec: from the bridge's V back to the IKM. Throws BAD_KEY on a value that is none. */
  unwrap(released: Uint8Array): Buffer;
}

/** Proxy-side: what the bridge computes with one client's halves. */
export interface ProxyRole {
  readonly suite: SuiteId;
  readonly realm: Realm;
  /** *Check*, cheap: throws BAD_TOKEN unless `token` is a well-formed element. */
  checkToken(token: Uint8Array): void;
  /** PEnc: the canonical value C, the same for every client. Checks first. */
  transform(token: Uint8Array): Buffer;
}

/** Proxy-side for consumers: PDec. */
export interface ReleaseRole {
  /** PDec: V from a registered announcement's W. Throws BAD_RECORD on a W that fails *Check*. */
  release(wrapped: Uint8Array): Buffer;
}

/** What everybody may know of one epoch. Byte strings are big-endian integers, of k bytes for `rsa`. */
export type PublicParameters = {
  readonly suite: "rsa";
  /** The modulus of tags (its e is secret). */
  readonly nTag: Buffer;
  /** The modulus of record keys (e = 65537). */
  readonly nRec: Buffer;
};

/** One party's halves for one epoch: of tags, and of record keys where the client is a consumer. */
export interface Halves {
  readonly tag: Buffer;
  readonly record?: Buffer;
}
