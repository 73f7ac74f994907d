/**
 * Wrapping record keys in suites `hmac` and `pki` (PROTOCOL.md §2.4), under the key that the clients share:
 *
 *   W = AES-256-KW(HKDF(K_c or K_org, info "VEILMQ-V01-wrap\0" ‖ ctx(tenant, epoch), 32), r)      RFC 3394 §2.2.1
 *
 * r has 32 bytes, W 40: RFC 3394 puts eight bytes in front by which a wrong key or a changed W shows.
 * AES and HMAC are OpenSSL's, constant-time wherever the processor has AES instructions.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { VeilError } from "../../errors.ts";
import { hkdf, join } from "../bytes.ts";
import { context, type Realm } from "../context.ts";

/** The length of r. */
export const UNWRAPPED_BYTES = 32;
/** The length of W and V. */
export const WRAPPED_BYTES = 40;

const ALGORITHM = "id-aes256-wrap";
/** RFC 3394 §2.2.3.1, the default initial value. */
const INITIAL_VALUE = Buffer.alloc(8, 0xa6);
const WRAPPING_KEY_BYTES = 32;

/** The key that wraps, of one tenant and epoch, from the clients' shared one. */
export function wrappingKey(shared: Uint8Array, realm: Realm): Buffer {
  const info = join("VEILMQ-V01-wrap\0", context(realm));
  return hkdf(shared, { info, length: WRAPPING_KEY_BYTES });
}

/** W of r. */
export function wrapKey(key: Uint8Array, r: Uint8Array): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, INITIAL_VALUE);
  return join(cipher.update(r), cipher.final());
}

/** r of W. Throws BAD_KEY for a W that this key did not make. */
export function unwrapKey(key: Uint8Array, wrapped: Uint8Array): Buffer {
  // OpenSSL opens no bytes to no bytes, and other lengths to other lengths.
  if (wrapped.length !== WRAPPED_BYTES) throw notWrapped();
  const decipher = createDecipheriv(ALGORITHM, key, INITIAL_VALUE);
  try {
    return join(decipher.update(wrapped), decipher.final());
  } catch (cause) {
    throw notWrapped(cause);
  }
}

function notWrapped(cause?: unknown): VeilError {
  return new VeilError("BAD_KEY", "the released value is no key wrapped in this epoch", { cause });
}
