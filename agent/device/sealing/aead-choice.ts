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
const DEFAULT_BUDGET_MS = 10;

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

/** Measures; blocks for twice `budgetMs`. `measure` is for tests: the kilobytes that an algorithm makes in that time. */
export function fasterAead(
  budgetMs = DEFAULT_BUDGET_MS,
  measure: (budgetMs: number, algorithm: Algorithm) => number = blocksIn,
): AeadId {
  const aes = measure(budgetMs, "aes-256-gcm");
  const chacha = measure(budgetMs, "chacha20-poly1305");
  return aes >= chacha ? AEAD.aes256Gcm : AEAD.chacha20Poly1305;
}

/** How often one kilobyte can be enciphered in this time, under a key and nonce that protect nothing. */
function blocksIn(budgetMs: number, algorithm: Algorithm): number {
  const key = Buffer.alloc(KEY_BYTES);
  const nonce = Buffer.alloc(NONCE_BYTES);
  const options = { authTagLength: 16 };
  const end = performance.now() + budgetMs;
  let blocks = 0;
  for (; performance.now() < end; blocks++) {
    const cipher =
      algorithm === "chacha20-poly1305"
        ? createCipheriv(algorithm, key, nonce, options)
        : createCipheriv(algorithm, key, nonce, options);
    cipher.update(BLOCK);
    cipher.final();
  }
  return blocks;
}
