/**
 * A device profile: how a sensor's bytes become readings, as data. `devices/NAME.yaml` ships with VeilMQ; a
 * path names one of the owner's own. Framings and decodings are told apart by their `type`.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { z } from "zod";
import { VeilError } from "../../../core/errors.ts";
import { serialSettings } from "../../../core/ports/serial/settings.ts";
import { loadConfig } from "../../../core/runtime/config.ts";
import { fileExists } from "../../../core/runtime/files.ts";
import type { Framer } from "../framing/framer.ts";
import { LineFramer, lineFraming } from "../framing/lines.ts";
import type { Decoder } from "./decoder.ts";
import { jsonDecoder, jsonDecoding } from "./json.ts";

export const profileSchema = z.strictObject({
  /** What the device is, for people. */
  description: z.string().min(1).max(200),
  /** How the line is set unless agent.yaml says otherwise. */
  serial: serialSettings,
  framing: z.discriminatedUnion("type", [lineFraming]),
  decoding: z.discriminatedUnion("type", [jsonDecoding]),
});
export type Profile = z.infer<typeof profileSchema>;

/** A name, as opposed to a path. */
const NAME = /^[a-z0-9][a-z0-9-]*$/;

/** The folder of the profiles that ship with VeilMQ, wherever it is installed. */
export function shippedProfiles(): string {
  return join(dirname(createRequire(import.meta.url).resolve("veilmq/package.json")), "devices");
}

/**
 * Loads the profile `nameOrPath`: a name is looked up in `folder`. Throws CONFIG with a line for every
 * problem, each with its line and field.
 */
export async function loadProfile(
  nameOrPath: string,
  folder = shippedProfiles(),
): Promise<Profile> {
  if (!NAME.test(nameOrPath)) return loadConfig(nameOrPath, profileSchema);
  const path = join(folder, `${nameOrPath}.yaml`);
  if (!(await fileExists(path)))
    throw new VeilError("CONFIG", `there is no device profile ${nameOrPath}`, {
      hint: `the profiles are in ${folder}; for one of your own give its path, such as ./mine.yaml`,
    });
  return loadConfig(path, profileSchema);
}

/** A framer as `profile` says; one for each port. */
export function framerOf({ framing }: Profile): Framer {
  return new LineFramer(framing);
}

/** The decoder as `profile` says. */
export function decoderOf({ decoding }: Profile): Decoder {
  return jsonDecoder(decoding);
}
