/**
 * The byte notation of PROTOCOL.md: `I2OSP`, `OS2IP` (RFC 8017 §4), `lp`, concatenation,
 * base32 without padding (RFC 4648 §6, lower case), HKDF-SHA-256 (RFC 5869).
 */
import { createHash, createHmac, hkdfSync } from "node:crypto";
import { VeilError } from "../errors.ts";

/** `I2OSP(value, length)`: big-endian, `length` bytes. Throws BAD_ARGUMENT if it does not fit. */
export function i2osp(value: bigint | number, length: number): Buffer {
  const hex = BigInt(value).toString(16);
  if (hex.startsWith("-") || hex.length > 2 * length)
    throw new VeilError("BAD_ARGUMENT", `the number does not fit in ${length} bytes`);
  return Buffer.from(hex.padStart(2 * length, "0"), "hex");
}

/** `OS2IP(bytes)`: the big-endian unsigned integer. Empty bytes are 0. */
export function os2ip(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

/** `lp(x) = I2OSP(|x|, 2) ‖ x`. Throws BAD_ARGUMENT above 65,535 bytes. */
export function lp(bytes: Uint8Array | string): Buffer {
  const body = typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes;
  return Buffer.concat([i2osp(body.length, 2), body]);
}

/** Joins bytes and UTF-8 text: the `‖` of PROTOCOL.md. */
export function join(...parts: (Uint8Array | string)[]): Buffer {
  return Buffer.concat(parts.map((p) => (typeof p === "string" ? Buffer.from(p, "utf8") : p)));
}

/** SHA-256 of the parts joined: 32 bytes. */
export function sha256(...parts: (Uint8Array | string)[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** HMAC-SHA-256 (RFC 2104) of the parts joined: 32 bytes. */
export function hmacSha256(key: Uint8Array, ...parts: (Uint8Array | string)[]): Buffer {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** HKDF-SHA-256, extract and expand (RFC 5869), empty salt unless given. */
export function hkdf(
  ikm: Uint8Array,
  options: { info: Uint8Array | string; length: number; salt?: Uint8Array },
): Buffer {
  const salt = options.salt ?? Buffer.alloc(0);
  return Buffer.from(hkdfSync("sha256", ikm, salt, options.info, options.length));
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** RFC 4648 §6, lower case, no padding: 32 bytes become 52 characters. */
export function base32(bytes: Uint8Array): string {
  let out = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) out += BASE32.charAt((buffer >> (bits - 5)) & 31);
  }
  return bits > 0 ? out + BASE32.charAt((buffer << (5 - bits)) & 31) : out;
}
