/** What bytes from a line may be: every profile reads them, and the one that makes most of them is the guess. */
import { decoderOf, framerOf, type Profile } from "../profile/profile.ts";

export interface Candidate {
  readonly name: string;
  readonly profile: Profile;
}

export interface Guess {
  /** The profile's name; null where only the framing is guessed. */
  readonly profile: string | null;
  /** Its framing's type. */
  readonly framing: string;
  /** Frames that it could read, and the bytes of the line that they took. */
  readonly frames: number;
  readonly bytes: number;
}

/** The best of `candidates` for `bytes`; null if none can read a single frame of it. */
export function guessProfile(
  bytes: Buffer,
  candidates: readonly Candidate[],
  requests: readonly Buffer[] = [],
): Guess | null {
  const guesses = candidates
    .map((candidate) => readWith(candidate, bytes, requests))
    .filter(({ frames }) => frames > 0);
  return guesses.sort((a, b) => weight(b) - weight(a) || b.bytes - a.bytes)[0] ?? null;
}

/** A framing with a checksum is right by itself; text of any kind passes for lines. */
function weight({ framing, bytes }: Guess): number {
  return framing === "lines" ? Math.min(1, bytes) : 2;
}

function readWith({ name, profile }: Candidate, bytes: Buffer, requests: readonly Buffer[]): Guess {
  const framer = framerOf(profile);
  const decode = decoderOf(profile);
  for (const request of requests) framer.expect(request);
  const read = [...framer.push(bytes), ...framer.flush()].filter(
    (frame) => decode(frame.bytes) !== null,
  );
  const taken = read.reduce((sum, { size }) => sum + size, 0);
  return { profile: name, framing: profile.framing.type, frames: read.length, bytes: taken };
}

/**
 * How much of `bytes` the guess explains, from 0 to 1: what lies between two frames that were cut at both ends is half
 * a frame each on average.
 */
export function share({ bytes }: Guess, all: Buffer): number {
  return all.length === 0 ? 0 : bytes / all.length;
}
