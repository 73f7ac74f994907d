/** Bytes as people read them: `00000010  42 4d 00 1c …  |BM..|`. */
const PER_LINE = 16;

export function* hexDump(bytes: Buffer): Generator<string> {
  for (let at = 0; at < bytes.length; at += PER_LINE) {
    const line = bytes.subarray(at, at + PER_LINE);
    const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = line.toString("latin1").replace(/[^ -~]/g, ".");
    yield `${at.toString(16).padStart(8, "0")}  ${hex.padEnd(3 * PER_LINE - 1)}  |${text}|`;
  }
}
