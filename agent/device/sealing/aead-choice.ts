/**
 * Which algorithm this machine seals records with. With AES instructions AES-256-GCM wins by far; without
 * them (a Raspberry Pi before the 5) ChaCha20-Poly1305 does.
 */
import { type CipherGCMTypes, createCipheriv } from "node:crypto";
import type { Logger } from "../../../core/runtime/log.ts";
import { AEAD, type AeadId } from "../../../core/scheme/record/header.ts";

const BLOCK = Buffer.alloc(1024);
const NONCE_BYTES = 12;
const KEY_BYTES = 32;
/** Of each, in turns; the best counts, since what else the machine does only makes a try longer. */
const TRIES = 25;

type Algorithm = Extract<CipherGCMTypes, "aes-256-gcm"> | "chacha20-poly1305";

/** The algorithm that the configuration says, or the faster one. */
export function chosenAead(
  choice: "auto" | "aes-256-gcm" | "chacha20-poly1305",
  log: Logger,
): AeadId {
  if (choice === "aes-256-gcm") return AEAD.aes256Gcm;
  if (choice === "chacha20-poly1305") return AEAD.chacha20Poly1305;
  const faster = fasterAead();
  const name = faster === AEAD.aes256Gcm ? "aes-256-gcm" : "chacha20-poly1305";
  log.debug({ aead: name }, "the faster algorithm on this machine");
  return faster;
}

/**
 * Measures, in a millisecond on a PC and ten on a small device. `measure` is for tests: how long an algorithm takes for one
 * kilobyte, milliseconds.
 */
export function fasterAead(measure: (algorithm: Algorithm) => number = kilobyteMs): AeadId {
  let [aesMs, chachaMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let n = 0; n < TRIES; n++) {
    aesMs = Math.min(aesMs, measure("aes-256-gcm"));
    chachaMs = Math.min(chachaMs, measure("chacha20-poly1305"));
  }
  return aesMs <= chachaMs ? AEAD.aes256Gcm : AEAD.chacha20Poly1305;
}

/** Enciphers one kilobyte, under a key and nonce that protect nothing. */
function kilobyteMs(algorithm: Algorithm): number {
  const key = Buffer.alloc(KEY_BYTES);
  const nonce = Buffer.alloc(NONCE_BYTES);
  const options = { authTagLength: 16 };
  const begunMs = performance.now();
  const cipher =
    algorithm === "chacha20-poly1305"
      ? createCipheriv(algorithm, key, nonce, options)
      : createCipheriv(algorithm, key, nonce, options);
  cipher.update(BLOCK);
  cipher.final();
  return performance.now() - begunMs;
}
