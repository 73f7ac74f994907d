/** A bundle as it crosses from the thread that parses it: few large values, which are copied at once. */
import type { Bundle } from "../../core/wire/directory.ts";

export interface BundleParts {
  /** One for each document, joined with line breaks, which no path has. */
  readonly paths: string;
  /** Of each document, in bytes. */
  readonly lengths: Uint32Array;
  /** All documents, one after the other. */
  readonly bytes: Uint8Array;
}

const SEPARATOR = "\n";

/** `null` where a path could not be told from two. */
export function takeApart({ documents }: Bundle): BundleParts | null {
  if (documents.some(({ path }) => path.includes(SEPARATOR))) return null;
  return {
    paths: documents.map(({ path }) => path).join(SEPARATOR),
    lengths: Uint32Array.from(documents, ({ document }) => document.length),
    bytes: Buffer.concat(documents.map(({ document }) => document)),
  };
}

export function putTogether({ paths, lengths, bytes }: BundleParts): Bundle["documents"] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return paths.split(SEPARATOR).map((path, n) => {
    const from = at;
    at += lengths[n] ?? 0;
    return { path, document: all.subarray(from, at) };
  });
}
