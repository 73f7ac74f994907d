/**
 * Looks for canaries (topic names and reading values that only the two ends may know) in everything that the people in
 * between hold: as UTF-8, hexadecimal, and base64 at each of its three offsets, in both alphabets.
 */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { VeilError } from "../core/errors.ts";

/** A shorter one could turn up by chance in megabytes of ciphertext. */
const MIN_CANARY_BYTES = 12;

export interface Leak {
  readonly file: string;
  readonly canary: string;
  readonly form: string;
}

interface Needle {
  readonly canary: string;
  readonly form: string;
  readonly bytes: Buffer;
}

/** The forms in which a canary could be stored. Throws BAD_ARGUMENT if it is too short to be sure of. */
export function needlesOf(canary: string): Needle[] {
  const plain = Buffer.from(canary, "utf8");
  if (plain.length < MIN_CANARY_BYTES)
    throw new VeilError("BAD_ARGUMENT", `a canary has at least ${MIN_CANARY_BYTES} bytes`);
  const texts: [form: string, text: string][] = [
    ["hex", plain.toString("hex")],
    ["HEX", plain.toString("hex").toUpperCase()],
  ];
  for (const offset of [0, 1, 2]) {
    texts.push([`base64+${offset}`, base64Core(plain, offset, "base64")]);
    texts.push([`base64url+${offset}`, base64Core(plain, offset, "base64url")]);
  }
  const encoded = texts.map(([form, text]) => ({
    canary,
    form,
    bytes: Buffer.from(text, "ascii"),
  }));
  return [{ canary, form: "utf8", bytes: plain }, ...encoded];
}

/** The base64 characters that depend on the canary alone when it begins `offset` bytes into a group of three. */
function base64Core(plain: Buffer, offset: number, alphabet: "base64" | "base64url"): string {
  const padded = Buffer.concat([Buffer.alloc(offset), plain]);
  const text = padded.toString(alphabet).replaceAll("=", "");
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor((padded.length * 8) / 6);
  return text.slice(first, last);
}

/** All leaks in the files below `folders` (or in files named directly). */
export async function findLeaks(
  folders: readonly string[],
  canaries: readonly string[],
): Promise<{ leaks: Leak[]; files: number; bytes: number }> {
  const needles = canaries.flatMap(needlesOf);
  const leaks: Leak[] = [];
  let files = 0;
  let bytes = 0;
  for (const folder of folders)
    for (const file of await filesBelow(folder)) {
      const searched = await search(file, needles);
      if (!searched) continue;
      const { found, size } = searched;
      files += 1;
      bytes += size;
      for (const { canary, form } of found) leaks.push({ file, canary, form });
    }
  return { leaks, files, bytes };
}

async function filesBelow(path: string): Promise<string[]> {
  const info = await stat(path);
  if (info.isFile()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
}

/** `null` for a file that is gone meanwhile: a running bridge makes some that last for moments. */
async function search(
  file: string,
  needles: readonly Needle[],
): Promise<{ found: Set<Needle>; size: number } | null> {
  try {
    return await searchThrough(file, needles);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

async function searchThrough(
  file: string,
  needles: readonly Needle[],
): Promise<{ found: Set<Needle>; size: number }> {
  const found = new Set<Needle>();
  const overlap = Math.max(...needles.map((n) => n.bytes.length)) - 1;
  let size = 0;
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) {
    size += chunk.length;
    const window = Buffer.concat([rest, chunk]);
    for (const needle of needles)
      if (!found.has(needle) && window.includes(needle.bytes)) found.add(needle);
    rest = window.subarray(Math.max(0, window.length - overlap));
  }
  return { found, size };
}
