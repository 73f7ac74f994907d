/** Numbers in bytes: the types that fields of binary frames and Modbus registers may have. */

/** `u`: without a sign, `i`: two's complement, `f`: IEEE 754. */
export const NUMBER_TYPES = [
  "u8",
  "i8",
  "u16",
  "i16",
  "u24",
  "i24",
  "u32",
  "i32",
  "u64",
  "i64",
  "f32",
  "f64",
] as const;
export type NumberType = (typeof NUMBER_TYPES)[number];
export type Endian = "big" | "little";

export function numberBytes(type: NumberType): number {
  return Number(type.slice(1)) / 8;
}

/** What a number of this type keeps, in significant decimal digits. */
export function numberDigits(type: NumberType): number {
  return type === "f32" ? 7 : 15;
}

/**
 * The number at `at`, which must lie inside. A `f32` is the shortest decimal that has its bits: 230.2, as the device
 * means it, rather than 230.1999969482422. 64 bits beyond 2^53 are rounded to a double.
 */
export function readNumber(bytes: Buffer, at: number, type: NumberType, endian: Endian): number {
  const size = numberBytes(type);
  const big = endian === "big";
  if (type === "f32") return shortest(big ? bytes.readFloatBE(at) : bytes.readFloatLE(at));
  if (type === "f64") return big ? bytes.readDoubleBE(at) : bytes.readDoubleLE(at);
  if (type === "u64") return Number(big ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at));
  if (type === "i64") return Number(big ? bytes.readBigInt64BE(at) : bytes.readBigInt64LE(at));
  if (type.startsWith("u")) return big ? bytes.readUIntBE(at, size) : bytes.readUIntLE(at, size);
  return big ? bytes.readIntBE(at, size) : bytes.readIntLE(at, size);
}

/** From 6 digits, which any decimal keeps in 32 bits, to 9, which any 32 bits keep in decimal (IEEE 754). */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : value;
}
