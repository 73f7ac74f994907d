/**
 * NMEA 0183 sentences. RMC and GGA are known by heart, since their positions are no plain numbers; of all others a
 * profile picks fields by their place. A sentence without a fix is valid and has nothing to tell.
 */
import { z } from "zod";
import type { SenmlRecord } from "../../../core/wire/senml.ts";
import type { Decoder } from "./decoder.ts";
import { fieldBasics, parseNumber, recordOf, scaled, scaling } from "./field.ts";

const KNOWN = ["RMC", "GGA"] as const;
type Known = (typeof KNOWN)[number];

const fieldSchema = z.strictObject({
  sentence: z
    .string()
    .regex(/^[A-Z]{3}$/, "must be three capital letters, without the talker: MWV")
    .meta({ description: "The sentence's type without its talker, such as MWV" }),
  field: z.int().min(1).max(80).meta({ description: "Counted from 1, behind the type" }),
  ...fieldBasics,
  ...scaling,
});
type Field = z.output<typeof fieldSchema>;

export const nmeaDecoding = z
  .strictObject({
    type: z.literal("nmea"),
    sentences: z.array(z.enum(KNOWN)).default([]).meta({
      description:
        "RMC: latitude, longitude, speed, course. GGA: latitude, longitude, altitude, satellites, hdop",
    }),
    fields: z.array(fieldSchema).default([]).meta({ description: "Numbers of other sentences" }),
  })
  .superRefine(({ sentences, fields }, context) => {
    if (sentences.length + fields.length === 0)
      context.addIssue({
        code: "custom",
        path: ["sentences"],
        message: "names nothing, nor do fields",
      });
  })
  .meta({ description: "NMEA 0183 sentences, for the framing nmea" });
export type NmeaDecoding = z.output<typeof nmeaDecoding>;

/** `$GPRMC`: two letters of who talks, three of what. `$PGRMC` is no RMC: what begins with P is its maker's own. */
const HEAD = /^[A-OQ-Z][A-Z]([A-Z]{3})$/;

export function nmeaDecoder({ sentences, fields }: NmeaDecoding): Decoder {
  return (frame) => {
    const parts = frame.toString("latin1").split(",");
    const type = HEAD.exec(parts[0] ?? "")?.[1];
    const known = sentences.find((sentence) => sentence === type);
    const records = known === undefined ? [] : READ[known](parts);
    if (records === null) return null;
    const picked = fields.filter(({ sentence }) => sentence === type);
    return [...records, ...picked.map((field) => pick(parts, field)).filter((r) => r !== null)];
  };
}

const NAMES: Record<Known, readonly string[]> = {
  RMC: ["latitude", "longitude", "speed", "course"],
  GGA: ["latitude", "longitude", "altitude", "satellites", "hdop"],
};

/** The names that the values of `decoding` will have. */
export function nmeaNames({ sentences, fields }: NmeaDecoding): string[] {
  const known = sentences.flatMap((sentence) => NAMES[sentence]);
  return [...new Set(known), ...fields.map(({ name }) => name)];
}

function pick(parts: readonly string[], field: Field): SenmlRecord | null {
  const number = parseNumber(parts[field.field] ?? "");
  return number === null ? null : recordOf(field, scaled(number, field));
}

/** null: not valid. */
type Read = (parts: readonly string[]) => SenmlRecord[] | null;

const READ: Record<Known, Read> = { RMC: readRmc, GGA: readGga };

const METRES_PER_SECOND = 1852 / 3600;

/** Mode of a fix: N none, M entered by hand, S a simulator's. */
const NO_MODE = ["N", "M", "S"];
/** A time of day, or a date: what is there has six digits. */
const SIX_DIGITS = /^(\d{6}(\.\d+)?)?$/;

/** xxRMC, time, status, latitude, N|S, longitude, E|W, knots, course, date, variation, E|W [, mode [, status]] */
function readRmc(parts: readonly string[]): SenmlRecord[] | null {
  const [, time = "", status, latitude, north, longitude, east, knots, course, date = ""] = parts;
  if (parts.length < 12 || parts.length > 14) return null;
  if (!SIX_DIGITS.test(time) || !SIX_DIGITS.test(date)) return null;
  if (status === "V" || NO_MODE.includes(parts[12] ?? "")) return [];
  if (status !== "A") return null;
  const speed = { scale: METRES_PER_SECOND, plus: 0 };
  return joined(
    positionOf({ latitude, north, longitude, east }),
    numberOf({ name: "speed", unit: "m/s" }, knots, (value) => scaled(value, speed, 6)),
    numberOf({ name: "course", unit: "deg" }, course),
  );
}

/** Quality of a fix: 0 none, 7 entered by hand, 8 a simulator's. */
const NO_FIX = ["", "0", "7", "8"];

/** xxGGA, time, latitude, N|S, longitude, E|W, quality, satellites, HDOP, altitude, M, geoid, M, age, station */
function readGga(parts: readonly string[]): SenmlRecord[] | null {
  const [, time = "", latitude, north, longitude, east, quality = "?", ...more] = parts;
  const [satellites, hdop, altitude, unit] = more;
  if (parts.length !== 15 || !SIX_DIGITS.test(time) || !/^\d?$/.test(quality)) return null;
  if (NO_FIX.includes(quality)) return [];
  return joined(
    positionOf({ latitude, north, longitude, east }),
    unit === "M" ? numberOf({ name: "altitude", unit: "m" }, altitude) : [],
    numberOf({ name: "satellites", unit: "count" }, satellites),
    numberOf({ name: "hdop" }, hdop),
  );
}

/** All of them; null where one is. */
function joined(...parts: readonly (SenmlRecord[] | null)[]): SenmlRecord[] | null {
  return parts.includes(null) ? null : parts.flatMap((part) => part ?? []);
}

/** An empty field is left out; null where something else than a number is in it. */
function numberOf(
  field: { name: string; unit?: string },
  text: string | undefined,
  convert = (value: number) => value,
): SenmlRecord[] | null {
  if (text === undefined || text === "") return [];
  const number = parseNumber(text);
  const record = number === null ? null : recordOf(field, convert(number));
  return record && [record];
}

interface Position {
  readonly latitude: string | undefined;
  readonly north: string | undefined;
  readonly longitude: string | undefined;
  readonly east: string | undefined;
}

function positionOf({ latitude, north, longitude, east }: Position): SenmlRecord[] | null {
  const lat = degreesOf(latitude, { digits: 2, max: 90, plus: "N", minus: "S" }, north);
  const lon = degreesOf(longitude, { digits: 3, max: 180, plus: "E", minus: "W" }, east);
  const records = [
    lat === null ? null : recordOf({ name: "latitude", unit: "lat" }, lat),
    lon === null ? null : recordOf({ name: "longitude", unit: "lon" }, lon),
  ].filter((record) => record !== null);
  return records.length === 2 ? records : null;
}

interface Axis {
  /** Digits of whole degrees, in front of two for minutes. */
  readonly digits: number;
  readonly max: number;
  readonly plus: string;
  readonly minus: string;
}

const MINUTES = 60;
/** Of a degree: 0.1 mm. Receivers give at most 7 decimals of a minute. */
const DECIMALS = 9;

/** `ddmm.mmmm` or `dddmm.mmmm` in decimal degrees; null if it is none. */
function degreesOf(text: string | undefined, axis: Axis, side: string | undefined): number | null {
  if (text === undefined || !/^\d+(\.\d+)?$/.test(text)) return null;
  const whole = text.split(".")[0] ?? "";
  if (whole.length !== axis.digits + 2) return null;
  const minutes = Number(text.slice(axis.digits));
  const degrees = Number(text.slice(0, axis.digits)) + minutes / MINUTES;
  if (minutes >= MINUTES || degrees > axis.max) return null;
  if (side !== axis.plus && side !== axis.minus) return null;
  return Number((side === axis.minus ? -degrees : degrees).toFixed(DECIMALS));
}
