/**
 * Modbus RTU: one unit's answers to reads, found by their CRC rather than by the silence between messages, which
 * no USB adapter keeps. An answer does not say which registers it holds, so requests are listened to as well,
 * and those that the agent sends itself are told. Where a request was not heard, its length tells, if of the
 * profile's reads just one has such an answer and nobody else was heard to ask; otherwise the answer is refused.
 */
import { z } from "zod";
import type { OnDrop } from "./framer.ts";
import { hidesMessage } from "./modbus-gap.ts";
import {
  ANSWER_OVERHEAD_BYTES,
  answerBytes,
  decodeRead,
  EXCEPTION,
  EXCEPTION_BYTES,
  encodeRegisters,
  hasCrc,
  MAX_REGISTERS,
  READ_HOLDING,
  READ_INPUT,
  REQUEST_BYTES,
  type RegisterRange,
  WRITE_REGISTER,
} from "./modbus-message.ts";
import { better, ScanFramer, type Sight } from "./scanner.ts";

const MAX_MESSAGE_BYTES = 256;

export const registerField = z.int().min(0).max(0xffff);

const readSchema = z
  .strictObject({
    function: z
      .literal([READ_HOLDING, READ_INPUT])
      .meta({ description: "3 reads holding registers, 4 input registers" }),
    register: registerField.meta({
      description: "The first register, from 0: 40001 and 30001 are 0",
    }),
    count: z.int().min(1).max(MAX_REGISTERS),
    when: z
      .strictObject({ register: registerField, is: z.int().min(0).max(0xffff) })
      .optional()
      .meta({
        description: "Only if this register, read before in the same round, has this content",
      }),
  })
  .meta({ description: "Registers that are read together" });

export const modbusFraming = z
  .strictObject({
    type: z.literal("modbus-rtu"),
    unit: z.int().min(1).max(247).meta({ description: "The device's address on the bus" }),
    reads: z.array(readSchema).min(1).max(32).meta({ description: "What is read in every round" }),
    writes: z
      .array(z.strictObject({ register: registerField, value: z.int().min(0).max(0xffff) }))
      .max(32)
      .default([])
      .meta({ description: "Registers that are written once on every new connection" }),
  })
  .meta({ description: "Modbus RTU with CRC-16, the agent as the bus's only client" });
export type ModbusFraming = z.output<typeof modbusFraming>;

/** A frame is what `encodeRegisters` makes. */
export class ModbusFramer extends ScanFramer {
  readonly #look: Look;

  constructor(framing: Pick<ModbusFraming, "unit" | "reads">, onDrop?: OnDrop | undefined) {
    const look = new Look(framing);
    super({
      maxBytes: MAX_MESSAGE_BYTES,
      look: (window, at) => look.look(window, at),
      onSkip: (byte) => look.skip(byte),
      onDrop,
    });
    this.#look = look;
  }

  override expect(request: Uint8Array): void {
    this.#look.expect(Buffer.from(request));
  }

  override reset(): void {
    super.reset();
    this.#look.forget();
  }
}

class Look {
  readonly #unit: number;
  readonly #reads: readonly RegisterRange[];
  /** What was asked last, and not answered yet. */
  #asked: RegisterRange | null = null;
  /** What was dropped since. */
  #gap: number[] = [];
  /** Whether somebody asks who does not ask as the profile does: then lengths tell nothing. */
  #isForeign = false;

  constructor({ unit, reads }: Pick<ModbusFraming, "unit" | "reads">) {
    this.#unit = unit;
    this.#reads = reads;
  }

  expect(request: Buffer): void {
    this.#ask(request, 0);
  }

  forget(): void {
    this.#asked = null;
    this.#isForeign = false;
  }

  skip(byte: number): void {
    if (!this.#asked) return;
    this.#gap.push(byte);
    if (this.#gap.length > MAX_MESSAGE_BYTES) this.#asked = null;
  }

  look(window: Buffer, at: number): Sight {
    if (window[at] !== this.#unit) return "noise";
    const code = window[at + 1];
    if (code === undefined) return "more";
    if (isRead(code)) return better(this.#lookForRead(window, at), this.#lookForAnswer(window, at));
    if (code === WRITE_REGISTER) return known(window, at, REQUEST_BYTES);
    if (isException(code)) return this.#lookForException(window, at);
    return "noise";
  }

  #lookForRead(window: Buffer, at: number): Sight {
    const sight = known(window, at, REQUEST_BYTES);
    if (typeof sight !== "object") return sight;
    return this.#ask(window, at) ? sight : "damaged";
  }

  #ask(window: Buffer, at: number): boolean {
    if (!isRead(window[at + 1] ?? 0)) return false;
    const range = decodeRead(window, at);
    if (!range) return false;
    this.#asked = range;
    this.#gap = [];
    this.#isForeign ||= !this.#reads.some((read) => isSame(read, range));
    return true;
  }

  /** It answers what was asked; what comes next does not. */
  #lookForException(window: Buffer, at: number): Sight {
    const sight = known(window, at, EXCEPTION_BYTES);
    if (typeof sight !== "object") return sight;
    this.#asked = null;
    return { ...sight, refused: true };
  }

  #lookForAnswer(window: Buffer, at: number): Sight {
    const bytes = window[at + 2];
    if (bytes === undefined) return "more";
    if (bytes === 0 || bytes % 2 !== 0 || bytes > 2 * MAX_REGISTERS) return "damaged";
    const size = ANSWER_OVERHEAD_BYTES + bytes;
    const sight = known(window, at, size);
    if (typeof sight !== "object") return sight;
    const range = this.#rangeOf(window[at + 1] ?? 0, size);
    this.#asked = null;
    if (!range) return { ...sight, refused: true };
    const content = window.subarray(at + 3, at + 3 + bytes);
    return { size, bytes: encodeRegisters(range, content) };
  }

  /** What an answer of `size` bytes answers. */
  #rangeOf(code: number, size: number): RegisterRange | null {
    const isOf = (range: RegisterRange): boolean =>
      range.function === code && answerBytes(range) === size;
    const asked = this.#asked;
    if (asked && isOf(asked) && !hidesMessage(this.#gap, this.#unit, asked)) return asked;
    const possible = this.#isForeign ? [] : this.#reads.filter(isOf);
    return possible.length === 1 ? (possible[0] ?? null) : null;
  }
}

function isSame(one: RegisterRange, other: RegisterRange): boolean {
  return (
    one.function === other.function && one.register === other.register && one.count === other.count
  );
}

function isRead(code: number): boolean {
  return code === READ_HOLDING || code === READ_INPUT;
}

function isException(code: number): boolean {
  return [READ_HOLDING, READ_INPUT, WRITE_REGISTER].some((known) => code === (known | EXCEPTION));
}

/** A message of `size` bytes with a right CRC. */
function known(window: Buffer, at: number, size: number): Sight {
  if (at + size > window.length) return "more";
  return hasCrc(window, at, size) ? { size, bytes: null } : "damaged";
}
