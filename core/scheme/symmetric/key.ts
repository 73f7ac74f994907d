/** The keys of suites `hmac` and `pki` (PROTOCOL.md §2.4): K_c, K_org and K_s, 32 bytes each. */
import { VeilError } from "../../errors.ts";

export const SYMMETRIC_KEY_BYTES = 32;

/** Returns a key as it is. Throws BAD_ARGUMENT unless it has 32 bytes. */
export function acceptKey(key: Uint8Array): Buffer {
  if (key.length !== SYMMETRIC_KEY_BYTES)
    throw new VeilError("BAD_ARGUMENT", `a key of this suite has ${SYMMETRIC_KEY_BYTES} bytes`);
  return Buffer.from(key);
}
