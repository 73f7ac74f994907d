/** Drawing scalars of suite `p256` (PROTOCOL.md §2.3): uniform in [1, n). */
import type { RandomBytes } from "../suite.ts";
import { isScalar, P256_BYTES } from "./curve.ts";

/** 32 bytes by rejection, which happens once in 2^32 draws. */
export function randomScalar(random: RandomBytes): Buffer {
  for (;;) {
    const candidate = random(P256_BYTES);
    if (isScalar(candidate)) return candidate;
  }
}
