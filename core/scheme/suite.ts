/**
 * PROTOCOL.md §2: what every suite offers, by role. A role's module never imports another role's:
 * who holds only `client.ts` cannot compute what the proxy or the owner can.
 * All values are bytes of the suite's fixed length; randomness is a parameter.
 */
import type { KeyObject } from "node:crypto";
import type { Realm } from "./context.ts";

export const SUITE = { paper: 0x00, rsa: 0x01, p256: 0x03, hmac: 0x04, pki: 0x05 } as const;
export type SuiteName = keyof typeof SUITE;
export type SuiteId = (typeof SUITE)[SuiteName];

/** No suite's token or trapdoor is longer: an element of the widest modulus of `rsa`, 4,096 bits. */
export const MAX_TOKEN_BYTES = 512;

/** Whether a consumer's trapdoor differs from a producer's token: the bridge must then know what it is given. */
export function signsTrapdoors(suite: SuiteName): boolean {
  return suite === "pki";
}

/** `length` fresh random bytes. `crypto.randomBytes` in production; a recorded stream in vectors. */
export type RandomBytes = (length: number) => Buffer;

/** What a role is made from: one client in one epoch, seen from its own side or from the bridge's. */
export interface RoleInput<P extends PublicParameters = PublicParameters> {
  readonly realm: Realm;
  readonly parameters: P;
  /** This side's halves only. */
  readonly halves: Halves;
  /** Accept a modulus whose factors are public: only `veilmq vectors` and tests may say `true`. */
  readonly allowPublicFactors?: boolean;
}

/** A role on the client's side. */
export interface ClientInput<P extends PublicParameters = PublicParameters> extends RoleInput<P> {
  /**
   * Given where the client asks as a consumer, with its Ed25519 private key: suite `pki` signs
   * trapdoors with it. The other suites' trapdoors are as their tokens.
   */
  readonly consumer?: { readonly id: string; readonly signingKey: KeyObject } | undefined;
}

/** A role on the bridge's side. */
export interface ProxyInput<P extends PublicParameters = PublicParameters> extends RoleInput<P> {
  /**
   * Given where the client asks as a consumer, with its Ed25519 public key: suite `pki` then takes
   * trapdoors signed with it and nothing else, otherwise unsigned tokens and nothing else.
   */
  readonly consumer?: { readonly id: string; readonly publicKey: KeyObject } | undefined;
}

/** What PDec is made from: of an epoch whose tag halves are gone the bridge has the record half alone. */
export interface ReleaseInput<P extends PublicParameters = PublicParameters>
  extends Omit<RoleInput<P>, "halves"> {
  readonly halves: Partial<Halves>;
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

/** What everybody may know of one epoch, as byte strings of the suite's fixed lengths. */
export type PublicParameters = RsaParameters | P256Parameters | HmacParameters | PkiParameters;

/** Big-endian integers of k bytes. */
export interface RsaParameters {
  readonly suite: "rsa";
  /** The modulus of tags (its e is secret). */
  readonly nTag: Buffer;
  /** The modulus of record keys (e = 65537). */
  readonly nRec: Buffer;
}

export interface P256Parameters {
  readonly suite: "p256";
  /** X = x(x·G), the public key of record keys: an x coordinate, 32 bytes. */
  readonly xRec: Buffer;
}

/** Symmetric: nothing is public. */
export interface HmacParameters {
  readonly suite: "hmac";
}

/** Symmetric: nothing is public but the consumers' signing keys, which are not of an epoch. */
export interface PkiParameters {
  readonly suite: "pki";
}

/**
 * One party's halves for one epoch: of tags, and of record keys where the client is a consumer.
 *
 *   suite    client: tag, record       proxy: tag, record                  each of
 *   `rsa`    e_i1, d_j1                e_i2, d_j2                          k bytes
 *   `p256`   k_i1, x_j1                k_i2, x_j2                          32 bytes
 *   `hmac`   K_c, K_c                  K_s, nothing: 0 bytes               32 bytes
 *   `pki`    K_org, K_org              K_s, nothing: 0 bytes               32 bytes
 *
 * With `hmac` and `pki` the bridge hands W on as it is: that it has a record half, an empty one, is what
 * says that this client may ask.
 */
export interface Halves {
  readonly tag: Buffer;
  readonly record?: Buffer;
}
