/**
 * A device profile: how a sensor's bytes become readings, as data. `devices/NAME.yaml` ships with VeilMQ; a
 * path names one of the owner's own. docs/devices.md shows how to write one.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { VeilError } from "../../../core/errors.ts";
import { serialSettings } from "../../../core/ports/serial/settings.ts";
import { loadConfig } from "../../../core/runtime/config.ts";
import { fileExists } from "../../../core/runtime/files.ts";
import { packageFile } from "../../../core/runtime/package.ts";
import type { Framer, OnDrop } from "../framing/framer.ts";
import { createFramer, type Framing, framingSchema } from "../framing/framing.ts";
import type { Decoder } from "./decoder.ts";
import { createDecoder, type Decoding, decodingSchema, namesOf } from "./decoding.ts";
import { objectsIn } from "./json.ts";
import { numberBytes } from "./number-type.ts";
import { type Polling, pollingSchema, pollsOf } from "./polling.ts";
import { loadRegexEngine } from "./regex.ts";
import { isRead } from "./registers.ts";
import { isPlausible, type ValueRules, valuesField } from "./values.ts";

const DAY_MS = 86_400_000;

export const profileSchema = z
  .strictObject({
    description: z.string().min(1).max(200).meta({ description: "What the device is, for people" }),
    serial: serialSettings.meta({
      description: "How the line is set unless agent.yaml says otherwise",
    }),
    framing: framingSchema.meta({ description: "How the bytes are cut into frames" }),
    decoding: decodingSchema.meta({ description: "How a frame becomes values" }),
    polling: pollingSchema.optional(),
    values: valuesField,
    minIntervalMs: z.int().min(0).max(DAY_MS).default(0).meta({
      description: "A value that comes sooner after its last one is not sent; 0: all are",
    }),
    maxIntervalMs: z.int().min(1).max(DAY_MS).default(3_600_000).meta({
      description: "A value that its dead-band holds back is sent after this long all the same",
    }),
    silentAfterMs: z.int().min(1).max(DAY_MS).optional().meta({
      description: "Without a valid frame for this long the device is silent: an alert is sent",
    }),
  })
  .superRefine(checkTogether)
  .meta({ title: "VeilMQ device profile" });
export type Profile = z.output<typeof profileSchema>;

/** Framings and decodings that belong together. */
const PAIRS: readonly (readonly [framing: string, decoding: string])[] = [
  ["modbus-rtu", "modbus"],
  ["nmea", "nmea"],
];

interface Parts {
  readonly framing: Framing;
  readonly decoding: Decoding;
  readonly polling?: Polling | undefined;
  readonly values: ValueRules;
}

function checkTogether(
  { framing, decoding, polling, values }: Parts,
  context: z.core.$RefinementCtx,
): void {
  const problem = (path: PropertyKey[], message: string): void =>
    context.addIssue({ code: "custom", path, message });
  for (const [framed, decoded] of PAIRS)
    if ((framing.type === framed) !== (decoding.type === decoded))
      problem(["decoding", "type"], `${decoded} belongs to the framing ${framed}, and to no other`);
  const isModbus = framing.type === "modbus-rtu";
  if (isModbus && !polling) problem(["framing", "type"], "modbus-rtu needs polling: intervalMs");
  if (polling && isModbus && polling.requests.length + polling.start.length > 0)
    problem(["polling"], "Modbus makes its requests from framing.reads and framing.writes");
  if (polling && !isModbus && polling.requests.length === 0)
    problem(["polling", "requests"], "is missing: what to send");
  for (const [i, field] of misplaced(framing, decoding))
    problem(["decoding", "fields", i, field], "lies outside of every frame");
  const names = namesOf(decoding);
  for (const name of names === null ? [] : Object.keys(values))
    if (!names?.includes(name)) problem(["values", name], "is no name of a field");
}

/** Fields that no frame has room for: their index, and what of them says where they are. */
function misplaced(framing: Framing, decoding: Decoding): [number, "offset" | "register"][] {
  if (decoding.type === "binary") {
    const length = framing.type === "fixed" ? framing.length : decoding.length;
    if (length === undefined) return [];
    return decoding.fields.flatMap(({ offset, type }, i) =>
      offset + numberBytes(type) > length ? [[i, "offset"]] : [],
    );
  }
  if (decoding.type !== "modbus" || framing.type !== "modbus-rtu") return [];
  return decoding.fields.flatMap((field, i) =>
    framing.reads.some((read) => isRead(field, read)) ? [] : [[i, "register"]],
  );
}

/** A name, as opposed to a path. */
const NAME = /^[a-z0-9][a-z0-9-]*$/;

/** The folder of the profiles that ship with VeilMQ, wherever it is installed. */
export function shippedProfiles(): string {
  return packageFile("devices");
}

/**
 * Loads the profile `nameOrPath`: a name is looked up in `folder`. Throws CONFIG with a line for every
 * problem, each with its line and field.
 */
export async function loadProfile(
  nameOrPath: string,
  folder = shippedProfiles(),
): Promise<Profile> {
  const isName = NAME.test(nameOrPath);
  const path = isName ? join(folder, `${nameOrPath}.yaml`) : nameOrPath;
  if (isName && !(await fileExists(path)))
    throw new VeilError("CONFIG", `there is no device profile ${nameOrPath}`, {
      hint: `the profiles are in ${folder}; for one of your own give its path, such as ./mine.yaml`,
    });
  const text = await readFile(path, "utf8").catch(() => "");
  if (text.includes("regex")) await loadRegexEngine();
  return loadConfig(path, profileSchema);
}

/** The profile's JSON Schema, for editors: devices/profile.schema.json. */
export function profileJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(profileSchema, { io: "input", unrepresentable: "any" });
}

/** A framer as the profile says; one for each port. What the decoder would refuse is no frame, where that can be told apart. */
export function framerOf(profile: Profile, onDrop?: OnDrop): Framer {
  const { framing, polling, decoding } = profile;
  const polls = polling ? pollsOf(polling, framing) : { start: [], round: [] };
  const requests = [...polls.start, ...polls.round.map(({ request }) => request)];
  const decode = decoderOf(profile);
  return createFramer(framing, {
    requests,
    accept: (bytes) => decode(bytes) !== null,
    partsOf: decoding.type === "json" ? objectsIn : undefined,
    onDrop,
  });
}

/** The decoder as the profile says. What is not plausible is no reading. */
export function decoderOf({ decoding, values }: Profile): Decoder {
  const decode = createDecoder(decoding);
  return (frame) => {
    const records = decode(frame);
    return records && isPlausible(records, values) ? records : null;
  };
}
