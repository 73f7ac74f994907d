/** Values in Modbus registers, each found by the register's number, whatever range it was read in. */
import { z } from "zod";
import type { SenmlRecord } from "../../../core/wire/senml.ts";
import { registerField } from "../framing/modbus.ts";
import { decodeRegisters, type RegisterRange } from "../framing/modbus-message.ts";
import type { Decoder } from "./decoder.ts";
import { fieldBasics, recordOf, scaled, scaling } from "./field.ts";
import { type NumberType, numberBytes, numberDigits, readNumber } from "./number-type.ts";

const REGISTER_BYTES = 2;
const REGISTER_TYPES = [
  "u16",
  "i16",
  "u32",
  "i32",
  "u64",
  "i64",
  "f32",
  "f64",
] as const satisfies readonly NumberType[];

const fieldSchema = z.strictObject({
  register: registerField.meta({ description: "The first register, from 0, as it is on the wire" }),
  type: z.enum(REGISTER_TYPES),
  words: z.enum(["big", "little"]).default("big").meta({
    description: "Which register of several comes first: `big`, the one with the highest bits",
  }),
  ...fieldBasics,
  ...scaling,
});
type Field = z.output<typeof fieldSchema>;

export const modbusDecoding = z
  .strictObject({
    type: z.literal("modbus"),
    fields: z.array(fieldSchema).min(1),
  })
  .meta({ description: "Modbus registers, for the framing modbus-rtu" });
export type ModbusDecoding = z.output<typeof modbusDecoding>;

/** Whether `read` brings all registers of a field. */
export function isRead(
  { register, type }: Pick<Field, "register" | "type">,
  read: Pick<RegisterRange, "register" | "count">,
): boolean {
  const count = numberBytes(type) / REGISTER_BYTES;
  return register >= read.register && register + count <= read.register + read.count;
}

/** Registers of which no field makes use have nothing to tell. */
export function modbusDecoder({ fields }: ModbusDecoding): Decoder {
  return (frame) => {
    const { first, content } = decodeRegisters(frame);
    return fields
      .map((field) => {
        const value = fieldValue(content, first, field);
        return value === null ? null : recordOf(field, value);
      })
      .filter((record): record is SenmlRecord => record !== null);
  };
}

/** The field's value; null where its registers were not read. */
function fieldValue(content: Buffer, first: number, field: Field): number | null {
  const at = (field.register - first) * REGISTER_BYTES;
  const size = numberBytes(field.type);
  if (at < 0 || at + size > content.length) return null;
  const bytes = Buffer.from(content.subarray(at, at + size));
  // Words in the other order, bytes in each as ever: all turned around, then each word back.
  const ordered = field.words === "big" ? bytes : bytes.reverse().swap16();
  return scaled(readNumber(ordered, 0, field.type, "big"), field, numberDigits(field.type));
}
