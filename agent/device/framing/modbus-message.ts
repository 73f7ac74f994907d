/**
 * Modbus RTU messages ("Modbus over serial line" V1.02, "Modbus application protocol" V1.1b3): the ones of
 * reading registers, of writing one, and exceptions. All end with CRC-16, low byte first.
 */
import { checksumOf } from "./checksum.ts";

export const READ_HOLDING = 3;
export const READ_INPUT = 4;
export const WRITE_REGISTER = 6;
/** Set in the function of an exception. */
export const EXCEPTION = 0x80;

/** A request, and the answer to a write, which repeats it. */
export const REQUEST_BYTES = 8;
export const EXCEPTION_BYTES = 5;
/** Unit, function, byte count and CRC around the registers of an answer. */
export const ANSWER_OVERHEAD_BYTES = 5;
/** What one read may ask for. */
export const MAX_REGISTERS = 125;
const CRC_BYTES = 2;
const REGISTER_BYTES = 2;

/** Which registers a request asks for. */
export interface RegisterRange {
  readonly function: number;
  /** The first one, from 0, as it is on the wire. */
  readonly register: number;
  readonly count: number;
}

export function encodeRead(
  unit: number,
  { function: code, register, count }: RegisterRange,
): Buffer {
  return encode(unit, code, register, count);
}

export function encodeWrite(unit: number, register: number, value: number): Buffer {
  return encode(unit, WRITE_REGISTER, register, value);
}

function encode(unit: number, code: number, first: number, second: number): Buffer {
  const message = Buffer.alloc(REQUEST_BYTES);
  message.writeUInt8(unit, 0);
  message.writeUInt8(code, 1);
  message.writeUInt16BE(first, 2);
  message.writeUInt16BE(second, 4);
  message.writeUInt16LE(checksumOf("crc16-modbus", message, 0, 6), 6);
  return message;
}

/** What a read request at `at` asks for, its CRC taken as right; null where no device may be asked so. */
export function decodeRead(window: Buffer, at: number): RegisterRange | null {
  const count = window.readUInt16BE(at + 4);
  if (count < 1 || count > MAX_REGISTERS) return null;
  return { function: window.readUInt8(at + 1), register: window.readUInt16BE(at + 2), count };
}

/** How long the answer to a read is. */
export function answerBytes({ count }: RegisterRange): number {
  return ANSWER_OVERHEAD_BYTES + count * REGISTER_BYTES;
}

/** Whether the CRC of the `size` bytes at `at` is right. */
export function hasCrc(window: Buffer, at: number, size: number): boolean {
  const end = at + size - CRC_BYTES;
  return window.readUInt16LE(end) === checksumOf("crc16-modbus", window, at, end);
}

/** Registers that were read, as a frame: function(1) ‖ first register(2) ‖ their content. */
export function encodeRegisters(range: RegisterRange, content: Buffer): Buffer {
  const head = Buffer.alloc(3);
  head.writeUInt8(range.function, 0);
  head.writeUInt16BE(range.register, 1);
  return Buffer.concat([head, content]);
}

/** As `encodeRegisters` made it. */
export function decodeRegisters(frame: Buffer): { first: number; content: Buffer } {
  return { first: frame.readUInt16BE(1), content: frame.subarray(3) };
}
