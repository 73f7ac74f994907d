/** What comes over a serial line: every framing, and every shipped profile from bytes to readings. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  decoderOf,
  framerOf,
  loadProfile,
  type Profile,
  shippedProfiles,
} from "../../../agent/device/profile/profile.ts";
import { senmlPackOf, senmlPackSchema } from "../../../core/wire/senml.ts";
import { FRAMINGS, type FramingCase } from "../../agent/device/framing/framings.ts";
import { piecesOf } from "../fixtures.ts";
import type { Target } from "../target.ts";

/** However the bytes are cut, the frames and what is dropped must be the same. */
function frame({ create }: FramingCase, input: Buffer): void {
  const [whole, cut] = [create(), create()];
  const frames = [...whole.push(input), ...whole.flush()];
  const same = [...piecesOf(input).flatMap((piece) => cut.push(piece)), ...cut.flush()];
  if (JSON.stringify([frames, whole.dropped]) !== JSON.stringify([same, cut.dropped]))
    throw new Error("other frames in pieces than as a whole");
  const taken = frames.reduce((sum, { size }) => sum + size, whole.dropped.bytes);
  if (taken > input.length) throw new Error("more bytes taken than there were");
}

function samplesOf({ encode, contentOf }: FramingCase): [Buffer, ...Buffer[]] {
  const frames = [0, 7, 40, 255].map((fill) => encode(contentOf(Buffer.alloc(fill, fill))));
  return [Buffer.concat(frames), Buffer.concat([Buffer.from("noise"), ...frames.toReversed()])];
}

const names = readdirSync(shippedProfiles())
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => file.slice(0, -".yaml".length));

const profiles = new Map<string, Profile>();
for (const name of names) profiles.set(name, await loadProfile(name));

/** What a profile takes for a reading must be one. */
function decodeAll(profile: Profile, input: Buffer): void {
  const framer = framerOf(profile);
  const decode = decoderOf(profile);
  for (const { bytes } of [...framer.push(input), ...framer.flush()]) {
    const records = decode(bytes);
    if (records && records.length > 0) senmlPackSchema.parse(senmlPackOf(records, 0));
  }
}

export const framingTargets: readonly Target[] = [
  ...FRAMINGS.map((framing) => ({
    name: `framing-${framing.name}`,
    samples: samplesOf(framing),
    run: (input: Buffer) => frame(framing, input),
    share: 0.5,
  })),
  ...[...profiles].map(([name, profile]) => ({
    name: `device-${name}`,
    samples: [readFileSync(join(shippedProfiles(), name, "capture.bin"))] as const,
    run: (input: Buffer) => decodeAll(profile, input),
    share: 0.2,
  })),
];
