/**
 * Frames of one length with a header, in bytes of which nothing is known: a byte that comes back at one distance again
 * and again may begin a frame of that length, and where a checksum is right in most of these, it does. The framing itself
 * then reads the bytes: noise and cut frames cost the guess what they cost the agent, and no more.
 */
import type { z } from "zod";
import { CHECKSUM_NAMES, checksumWidth } from "../framing/checksum.ts";
import { FixedFramer, fixedFraming } from "../framing/fixed.ts";
import type { Frame } from "../framing/framer.ts";
import { isGuarded, type PlacedGuard } from "../framing/guard.ts";
import type { Guess } from "./guess.ts";

/** The framing as a profile has it. */
export type Layout = z.input<typeof fixedFraming>;

export interface FixedGuess extends Guess {
  readonly layout: Layout;
}

const MIN_LENGTH = 4;
const MAX_LENGTH = 64;
/** Fewer are chance. */
const LEAST_FRAMES = 5;
/** Of the bytes, what frames have to take whose header comes back behind them. */
const LEAST_RECURRING = 0.3;
/** How much oftener than by chance it has to come back. */
const BEYOND_CHANCE = 2;
/** What frames have to take, and of them those that another follows at once: with a checksum, and without one. */
const LEAST_TAKEN = 1 / 3;
const LEAST_FOLLOWED = { guarded: 0.05, plain: 0.5 } as const;
/** Checksums of different frames that are right, in bytes: each byte is by chance once in 256. */
const LEAST_EVIDENCE_BYTES = 4;
/** Frames that a checksum is tried on, and how many of them it has to be right in. */
const TRIED_FRAMES = 12;
const LEAST_RIGHT = 0.25;
/** Of those that are right, how many begin or end with the same bytes: some are right by chance. */
const IN_COMMON = 0.8;
/** How many bytes in front a checksum may leave out, and how many of the same may follow it. */
const MAX_SKIPPED = 4;
const MAX_TRAILER = 2;
/** A length is not taken for its double, which has as many bytes but for its last frame. */
const AS_GOOD = 0.9;
const MOST_TEXT = 0.9;
/** Different bytes: a stuck line, and one at a wrong rate, has fewer. */
const LEAST_VALUES = 6;
const ENDIANS = ["big", "little"] as const;

/** `framing` as the shipped profiles write it, a line each. */
export function yamlOf({ type, header, length, trailer, checksum }: Layout): string[] {
  const where = Object.entries(checksum ?? {}).map(([name, value]) => `${name}: ${value}`);
  return [
    ...["framing:", `  type: ${type}`, `  header: "${header}"`, `  length: ${length}`],
    ...(trailer === undefined ? [] : [`  trailer: "${trailer}"`]),
    ...(where.length > 0 ? [`  checksum: { ${where.join(", ")} }`] : []),
  ];
}

interface Judged extends FixedGuess {
  /** Where the first frame begins. */
  readonly first: number;
}

/** The likeliest such framing; null where none is likely. One with a checksum comes before all without. */
export function guessFixed(bytes: Buffer): FixedGuess | null {
  if (isText(bytes) || new Set(bytes).size < LEAST_VALUES) return null;
  const [guarded, plain]: [Layout[], Layout[]] = [[], []];
  for (let length = MIN_LENGTH; length <= MAX_LENGTH; length++) {
    for (const first of recurring(bytes, length, 1))
      guarded.push(...guardedLayouts(bytes, first, length));
    for (const header of recurring(bytes, length, 2))
      plain.push({ type: "fixed", header: hexOf(header), length });
  }
  const [sure, likely] = [best(bytes, guarded), best(bytes, plain)];
  if (!sure || !likely) return sure ?? likely;
  // Several frames that count together in step may add up to what looks like a checksum.
  const isMultiple =
    sure.layout.length > likely.layout.length && sure.layout.length % likely.layout.length === 0;
  return isMultiple && likely.bytes >= sure.bytes ? likely : sure;
}

/** That of the most bytes; where others have nearly as many, of the shortest frame, and then what begins first. */
function best(bytes: Buffer, layouts: readonly Layout[]): FixedGuess | null {
  const judged = layouts.map((layout) => judge(bytes, layout)).filter((guess) => guess !== null);
  const most = Math.max(...judged.map((guess) => guess.bytes));
  const [found] = judged
    .filter((guess) => guess.bytes >= AS_GOOD * most)
    .sort((a, b) => a.layout.length - b.layout.length || b.bytes - a.bytes || a.first - b.first);
  if (!found) return null;
  const { first: _, ...guess } = found;
  return guess;
}

/** The `width` bytes, 1 or 2, that stand at both ends of the distance `length` often enough to begin frames of it. */
function recurring(bytes: Buffer, length: number, width: 1 | 2): Buffer[] {
  const [all, again] = [new Map<number, number>(), new Map<number, number>()];
  const add = (to: Map<number, number>, header: number): void =>
    void to.set(header, (to.get(header) ?? 0) + 1);
  for (let at = 0; at + length + width <= bytes.length; at++) {
    const header = bytes.readUIntBE(at, width);
    // Zeros are what there is most of inside of frames.
    if (bytes[at] === 0) continue;
    add(all, header);
    if (header === bytes.readUIntBE(at + length, width)) add(again, header);
  }
  const least = Math.max(LEAST_FRAMES - 1, LEAST_RECURRING * (bytes.length / length));
  const byChance = (header: number): number => (all.get(header) ?? 0) ** 2 / bytes.length;
  return [...again]
    .filter(([header, count]) => count >= Math.max(least, BEYOND_CHANCE * byChance(header)))
    .map(([header]) => toBytes(header, width));
}

function toBytes(value: number, width: 1 | 2): Buffer {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(value, 0, width);
  return bytes;
}

/** The layouts whose checksum is right in most of what begins with the byte `first`, if any. */
function guardedLayouts(bytes: Buffer, first: Buffer, length: number): Layout[] {
  const tried: number[] = [];
  const last = bytes.length - length;
  for (let at = bytes.indexOf(first); at >= 0 && at <= last; at = bytes.indexOf(first, at + 1))
    if (tried.push(at) === TRIED_FRAMES) break;
  const found: Layout[] = [];
  for (let trailing = 0; trailing <= MAX_TRAILER; trailing++)
    for (const guard of guardsOf(length - trailing)) {
      const right = rightOf(bytes, tried, guard);
      const trailer = common(bytes, right, length - trailing, length);
      if (right.length === 0 || trailer === null) continue;
      const header = common(bytes, right, 0, 2) ?? first;
      found.push(layoutOf({ header, length, trailer, guard }));
    }
  return found;
}

/** Those of `starts` whose checksum is right; none where too few are. */
function rightOf(bytes: Buffer, starts: readonly number[], guard: PlacedGuard): number[] {
  const right: number[] = [];
  let allowed = Math.floor((1 - LEAST_RIGHT) * starts.length);
  for (const start of starts)
    if (isGuarded(bytes, start, guard)) right.push(start);
    else if (--allowed < 0) return [];
  return right;
}

/** What the frames at `starts` have from `from` up to `to`, if it is the same in nearly all. */
function common(bytes: Buffer, starts: readonly number[], from: number, to: number): Buffer | null {
  const counts = new Map<string, number>();
  for (const start of starts) {
    const part = bytes.toString("hex", start + from, start + to);
    counts.set(part, (counts.get(part) ?? 0) + 1);
  }
  const [found] = [...counts].sort(([, a], [, b]) => b - a);
  return found && found[1] >= IN_COMMON * starts.length ? Buffer.from(found[0], "hex") : null;
}

interface Parts {
  readonly header: Buffer;
  readonly length: number;
  readonly trailer: Buffer;
  readonly guard: PlacedGuard;
}

/** As somebody would write it: without what is so anyway. */
function layoutOf({ header, length, trailer, guard }: Parts): Layout {
  const { type, endian, at, from, to } = guard;
  return {
    ...{ type: "fixed", header: hexOf(header), length },
    ...(trailer.length > 0 && { trailer: hexOf(trailer) }),
    checksum: {
      ...{ type, at },
      ...(from > 0 && { from }),
      to,
      ...(endian === "little" && { endian }),
    },
  };
}

/** Every checksum that may end at `end`. */
function* guardsOf(end: number): Generator<PlacedGuard> {
  for (const type of CHECKSUM_NAMES) {
    const at = end - checksumWidth(type);
    for (const endian of ENDIANS.slice(0, checksumWidth(type)))
      for (let from = 0; from <= MAX_SKIPPED && from + 1 < at; from++)
        yield { type, endian, at, from, to: at };
  }
}

/** What the framing makes of the bytes; null where that may be chance. */
function judge(bytes: Buffer, layout: Layout): Judged | null {
  const parsed = fixedFraming.parse(layout);
  const framer = new FixedFramer(parsed);
  const frames = [...framer.push(bytes), ...framer.flush()];
  const { checksum, length } = parsed;
  const width = checksum ? checksumWidth(checksum.type) : 0;
  const different = new Set(frames.map((frame) => frame.bytes.toString("latin1"))).size;
  const isEvident = checksum ? different * width >= LEAST_EVIDENCE_BYTES : different > 1;
  const followed = frames.filter((frame, n) => touches(frame, frames[n + 1])).length;
  const taken = frames.reduce((sum, { size }) => sum + size, 0);
  const leastFollowed = LEAST_FOLLOWED[checksum ? "guarded" : "plain"] * bytes.length;
  if (!isEvident || frames.length < LEAST_FRAMES) return null;
  if (taken < LEAST_TAKEN * bytes.length || followed * length < leastFollowed) return null;
  const guess = { profile: null, framing: layout.type, layout, frames: frames.length };
  return { ...guess, bytes: taken, first: frames[0]?.offset ?? 0 };
}

function touches(frame: Frame, next: Frame | undefined): boolean {
  return next?.offset === frame.offset + frame.size;
}

function isText(bytes: Buffer): boolean {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09;
  return bytes.filter(isPrintable).length >= MOST_TEXT * bytes.length;
}

function hexOf(bytes: Buffer): string {
  return bytes.toString("hex").replace(/..(?=.)/g, "$& ");
}
