/** The checksums of sensors and field buses, each over a range of bytes. */

/**
 * `sum8`: of the bytes, modulo 256. `negative-sum8`: what makes that sum 0. `xor8`. `sum16`: modulo 65,536.
 * `crc16-modbus`: polynomial 0x8005 reflected, from 0xffff. `crc16-ccitt`: 0x1021, from 0xffff ("CCITT-FALSE").
 * `crc16-xmodem`: 0x1021, from 0. `crc8`: 0x07, from 0. `crc8-sensirion`: 0x31, from 0xff.
 */
export const CHECKSUM_NAMES = [
  "sum8",
  "negative-sum8",
  "xor8",
  "sum16",
  "crc8",
  "crc8-sensirion",
  "crc16-modbus",
  "crc16-ccitt",
  "crc16-xmodem",
] as const;
export type ChecksumName = (typeof CHECKSUM_NAMES)[number];

/** The checksum of `bytes` from `from` up to, and without, `to`. */
export function checksumOf(
  name: ChecksumName,
  bytes: Uint8Array,
  from: number,
  to: number,
): number {
  return COMPUTE[name](bytes, from, to);
}

/** How many bytes it takes: 1 or 2. */
export function checksumWidth(name: ChecksumName): 1 | 2 {
  return name.includes("16") ? 2 : 1;
}

type Compute = (bytes: Uint8Array, from: number, to: number) => number;

const sum: Compute = (bytes, from, to) => {
  let total = 0;
  for (let i = from; i < to; i++) total += bytes[i] ?? 0;
  return total;
};

const COMPUTE: Record<ChecksumName, Compute> = {
  sum8: (bytes, from, to) => sum(bytes, from, to) & 0xff,
  "negative-sum8": (bytes, from, to) => -sum(bytes, from, to) & 0xff,
  xor8: (bytes, from, to) => {
    let total = 0;
    for (let i = from; i < to; i++) total ^= bytes[i] ?? 0;
    return total;
  },
  sum16: (bytes, from, to) => sum(bytes, from, to) & 0xffff,
  crc8: crc({ width: 8, polynomial: 0x07, initial: 0 }),
  "crc8-sensirion": crc({ width: 8, polynomial: 0x31, initial: 0xff }),
  "crc16-modbus": reflectedCrc16(0xa001),
  "crc16-ccitt": crc({ width: 16, polynomial: 0x1021, initial: 0xffff }),
  "crc16-xmodem": crc({ width: 16, polynomial: 0x1021, initial: 0 }),
};

function crc(options: { width: 8 | 16; polynomial: number; initial: number }): Compute {
  const { width, polynomial, initial } = options;
  const mask = 2 ** width - 1;
  const table = Uint16Array.from({ length: 256 }, (_, byte) => {
    let value = byte << (width - 8);
    for (let bit = 0; bit < 8; bit++)
      value = value & (1 << (width - 1)) ? (value << 1) ^ polynomial : value << 1;
    return value & mask;
  });
  return (bytes, from, to) => {
    let value = initial;
    for (let i = from; i < to; i++) {
      const index = ((value >> (width - 8)) ^ (bytes[i] ?? 0)) & 0xff;
      value = ((value << 8) ^ (table[index] ?? 0)) & mask;
    }
    return value;
  };
}

/** Least significant bit first, from 0xffff: `polynomial` is given reflected, too. */
function reflectedCrc16(polynomial: number): Compute {
  const table = Uint16Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ polynomial : value >> 1;
    return value;
  });
  return (bytes, from, to) => {
    let value = 0xffff;
    for (let i = from; i < to; i++)
      value = (value >> 8) ^ (table[(value ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
    return value;
  };
}
