/**
 * Owner-side of what suites `hmac` and `pki` share (PROTOCOL.md §2.4): there is nothing to split. Every client gets
 * the shared key, the bridge K_s; see {@link Halves} for what stands where.
 */
import type { Halves, RandomBytes } from "../suite.ts";
import { acceptKey, SYMMETRIC_KEY_BYTES } from "./key.ts";

/** A fresh key, 32 bytes. */
export function generateKey(random: RandomBytes): Buffer {
  return random(SYMMETRIC_KEY_BYTES);
}

/** "UGen". Throws BAD_ARGUMENT for keys that have not 32 bytes. */
export function shareKeys(input: {
  /** K_c or K_org. */
  readonly sharedKey: Buffer;
  /** K_s. */
  readonly proxyKey: Buffer;
  readonly consumer: boolean;
}): { client: Halves; proxy: Halves } {
  const [shared, proxy] = [acceptKey(input.sharedKey), acceptKey(input.proxyKey)];
  if (!input.consumer) return { client: { tag: shared }, proxy: { tag: proxy } };
  return {
    client: { tag: shared, record: shared },
    proxy: { tag: proxy, record: Buffer.alloc(0) },
  };
}
