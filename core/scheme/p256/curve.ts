/**
 * The group of suite `p256` (PROTOCOL.md §2.3): the curve NIST P-256 (SP 800-186 §3.2.1.3), of prime
 * order n and cofactor 1, by x coordinates alone.
 *
 *   an element is x, 32 bytes big-endian, of a point on the curve; it stands for the pair ±P
 *   s·x = x(s·P) for either of them, since s·(−P) = −(s·P): the sign never matters
 *   decompression as `02 ‖ x` (SEC 1 §2.3.4); an x off the curve, or ≥ p, is no element
 *   a scalar is a number in [1, n), 32 bytes big-endian: n is prime, so no product is the point at infinity
 *
 * Multiplication with a secret is OpenSSL's, behind node:crypto's ECDH (0.1 ms): constant-time.
 * Not constant-time, and on public or fresh values only: comparing a candidate scalar with n.
 */
import { createECDH, ECDH } from "node:crypto";
import { VeilError } from "../../errors.ts";

/** The length of elements and scalars. */
export const P256_BYTES = 32;

/** n, the order of the group. */
export const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const CURVE = "prime256v1";
/** The first byte of a compressed point with an even y (SEC 1 §2.3.3). */
const EVEN_Y = Buffer.of(0x02);
const ZERO = Buffer.alloc(P256_BYTES);
const ORDER_BYTES = Buffer.from(ORDER.toString(16), "hex");

/** *Check*: whether these bytes are an element, in its one encoding. */
export function isElement(bytes: Uint8Array): boolean {
  if (bytes.length !== P256_BYTES) return false;
  try {
    // Only the check is wanted: the conversion decompresses the point, and refuses one off the curve.
    ECDH.convertKey(compressed(bytes), CURVE);
    return true;
  } catch {
    return false;
  }
}

/** Whether these bytes are a scalar: in [1, n), in exactly 32 bytes. */
export function isScalar(bytes: Uint8Array): boolean {
  return bytes.length === P256_BYTES && ORDER_BYTES.compare(bytes) > 0 && ZERO.compare(bytes) !== 0;
}

/** A secret number of the suite, ready to multiply with. Make one with {@link acceptScalar}. */
export class Scalar {
  readonly #ecdh: ECDH;

  /** `bytes` must be a scalar. */
  constructor(bytes: Buffer) {
    this.#ecdh = createECDH(CURVE);
    this.#ecdh.setPrivateKey(bytes);
  }

  /** x(s·P) for the element x(P). Throws BAD_ARGUMENT for what is no element. */
  times(element: Uint8Array): Buffer {
    if (element.length !== P256_BYTES) throw notOnTheCurve();
    try {
      return this.#ecdh.computeSecret(compressed(element));
    } catch (cause) {
      throw notOnTheCurve(cause);
    }
  }

  /** x(s·G). */
  timesGenerator(): Buffer {
    return this.#ecdh.getPublicKey(null, "compressed").subarray(EVEN_Y.length);
  }
}

/** Takes in a half or a master key. Throws BAD_ARGUMENT unless it is a scalar. */
export function acceptScalar(bytes: Uint8Array): Scalar {
  if (!isScalar(bytes))
    throw new VeilError("BAD_ARGUMENT", "a p256 key must lie in [1, n), in 32 bytes");
  return new Scalar(Buffer.from(bytes));
}

function compressed(element: Uint8Array): Buffer {
  return Buffer.concat([EVEN_Y, element]);
}

function notOnTheCurve(cause?: unknown): VeilError {
  return new VeilError("BAD_ARGUMENT", "the value is no element of the curve", { cause });
}
