/**
 * A copy with memory of its own. What is parsed from an answer is a view of it, or of Node's shared 8 KiB slabs: kept
 * for long, 32 bytes of a client would keep up to 64 KiB alive.
 */
export function keep(bytes: Uint8Array): Buffer {
  const copy = Buffer.alloc(bytes.length);
  copy.set(bytes);
  return copy;
}
