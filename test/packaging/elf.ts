/** What an ELF file says of the machine that it is for, read here: nothing of another machine can be run. */

const MAGIC = Buffer.from("\x7fELF", "latin1");
/** Where the header has what (elf(5)); flags lie behind three addresses. */
const CLASS_AT = 4;
const MACHINE_AT = 18;
const FLAGS_AT = { 32: 36, 64: 48 } as const;
const EF_ARM_ABI_FLOAT_HARD = 0x400;

export interface Elf {
  readonly bits: 32 | 64;
  /** `e_machine`: 40 is ARM, 62 x86-64, 183 AArch64. */
  readonly machine: number;
  /** Of ARM: floating-point numbers are handed over in registers of their own, as Debian's armhf does. */
  readonly hardFloat: boolean;
  /** By the name of the C library that is asked for. */
  readonly libc: "glibc" | "musl" | "none";
}

/** Throws for what is no ELF file of little endian. */
export function describeElf(bytes: Buffer): Elf {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC) || bytes[CLASS_AT + 1] !== 1)
    throw new Error("no ELF file");
  const bits = bytes[CLASS_AT] === 1 ? 32 : 64;
  const isMusl = bytes.includes("libc.musl") || bytes.includes("libc.so\0");
  return {
    bits,
    machine: bytes.readUInt16LE(MACHINE_AT),
    hardFloat: (bytes.readUInt32LE(FLAGS_AT[bits]) & EF_ARM_ABI_FLOAT_HARD) !== 0,
    libc: bytes.includes("libc.so.6\0") ? "glibc" : isMusl ? "musl" : "none",
  };
}
