/** Reading a segment's file: all of it, or only what its footer says. */
import { open, readFile, stat } from "node:fs/promises";
import { HEADER_BYTES, isSegment, type ScannedSegment, scanSegment } from "./codec.ts";
import { decodeFooter, type Footer, MAX_FOOTER_BYTES } from "./footer.ts";

/** Enough for a footer of a hundred streams; a longer one is read a second time. */
const TAIL_BYTES = 4096;

/** A segment's size and content; no content where the medium does not give it back (EIO). */
export interface SegmentContent {
  readonly size: number;
  readonly scanned: ScannedSegment | null;
}

/** Reads all of it. Throws what the file system does but for EIO, BAD_DOCUMENT on an unknown version. */
export async function readContent(path: string): Promise<SegmentContent> {
  try {
    const bytes = await readFile(path);
    return { size: bytes.length, scanned: scanSegment(bytes) };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { size: (await stat(path)).size, scanned: null };
  }
}

/** Its size and its footer; null where it has none that can be believed. Throws as `readContent`. */
export async function readFooter(path: string): Promise<{ size: number; footer: Footer } | null> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const readAt = async (from: number, length: number): Promise<Buffer> =>
      (await file.read(Buffer.alloc(length), 0, length, from)).buffer;
    if (size < HEADER_BYTES || !isSegment(await readAt(0, HEADER_BYTES))) return null;
    for (const bytes of [TAIL_BYTES, MAX_FOOTER_BYTES]) {
      const length = Math.min(bytes, size - HEADER_BYTES);
      const footer = decodeFooter(await readAt(size - length, length));
      if (footer) return { size, footer };
    }
    return null;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return null;
  } finally {
    await file.close();
  }
}

function isUnreadable(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EIO";
}
