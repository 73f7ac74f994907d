/** All decodings, told apart by their `type`. A new one joins here. */
import { z } from "zod";
import { binaryDecoder, binaryDecoding } from "./binary.ts";
import { csvDecoder, csvDecoding } from "./csv.ts";
import type { Decoder } from "./decoder.ts";
import { jsonDecoder, jsonDecoding } from "./json.ts";
import { nmeaDecoder, nmeaDecoding, nmeaNames } from "./nmea.ts";
import { regexDecoder, regexDecoding, regexNames } from "./regex.ts";
import { modbusDecoder, modbusDecoding } from "./registers.ts";

export const decodingSchema = z.discriminatedUnion("type", [
  jsonDecoding,
  csvDecoding,
  regexDecoding,
  binaryDecoding,
  nmeaDecoding,
  modbusDecoding,
]);
export type Decoding = z.output<typeof decodingSchema>;

export function createDecoder(decoding: Decoding): Decoder {
  switch (decoding.type) {
    case "json":
      return jsonDecoder(decoding);
    case "csv":
      return csvDecoder(decoding);
    case "regex":
      return regexDecoder(decoding);
    case "binary":
      return binaryDecoder(decoding);
    case "nmea":
      return nmeaDecoder(decoding);
    case "modbus":
      return modbusDecoder(decoding);
  }
}

/** The names that values of `decoding` may have; null where that is the device's choice. */
export function namesOf(decoding: Decoding): readonly string[] | null {
  if (decoding.type === "regex") return regexNames(decoding);
  if (decoding.type === "nmea") return nmeaNames(decoding);
  if (decoding.fields === "all") return null;
  return decoding.fields.map(({ name }) => name);
}
