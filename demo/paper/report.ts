/**
 * What the report prints in its chapter 4, as text recognition left it. Only the three names came through
 * whole; the trapdoors have digits wrong, doubled and missing, and so can be compared group by group only.
 */

/** Under these the report's topics are in Kafka. */
export const REPORT_NAMES = {
  /** The text above Figure 4.2. */
  "topic-1":
    "0bb20ad6007d00b9013003340a090cb5016c0ab808010af206e102f20000088108950aba040601db0354080108950a4f07620b910cc805fe04840c1705f80cee",
  /** Figure 4.7. */
  "topic-2":
    "058402c700ea051f06e105e4045a064909ab09b305e902d9038902ba001a02550033071e07d6035402000484023600330b5a0aba052104cc0a42033d012507d6",
  /** Figure 4.1, its first line. */
  "topic-3":
    "03d40be40bd90075011105fb02020bb20cee0a0e02f7024505e904740bcf068105e90c50092a02eb0aba01d700750c500c2505e405e9070e024f0a8d03400424",
} as const;
export type ReportTopic = keyof typeof REPORT_NAMES;

/** The consumer's trapdoor of topic-1, twice, and how many of its 32 groups a reader can still recognise. */
export const REPORT_TRAPDOORS = {
  "4.3": {
    scan: "04c00044874f0cf407910a6a04010ca30a70062b01ef0c60002cb0184000002b307170b8f02310b71096c01ef0717085b03750263062209a002da01ed07e706c9",
    legible: 25,
  },
  "4.5": {
    scan: "04c00044074f0cf407910a6a04010ca30a96062b01ef0c60002cb0184000002b387190b8f02310b71096e01ef0719085b03750263062209a0002da01ed07e906c9",
    legible: 30,
  },
} as const;

/** Figure 4.6 begins at offset 40: so often had the report's producer published to topic-2 before. */
export const EARLIER_RUNS = 4;

/** One for each byte of SHA-256. */
export const GROUPS = 32;
const GROUP_DIGITS = 4;

/** How many groups of `name` stand in `scan`, in their order and without overlap: 32 of 32 for the same name. */
export function groupsIn(scan: string, name: string): number {
  const best = Array<number>(scan.length + 1).fill(0);
  for (let at = name.length - GROUP_DIGITS; at >= 0; at -= GROUP_DIGITS) {
    const group = name.slice(at, at + GROUP_DIGITS);
    // Ascending: what is read further right still stands for the groups behind this one.
    for (let from = 0; from < scan.length; from += 1) {
      const found = scan.indexOf(group, from);
      const taken = found < 0 ? 0 : 1 + (best[found + GROUP_DIGITS] ?? 0);
      best[from] = Math.max(best[from] ?? 0, taken);
    }
  }
  return best[0] ?? 0;
}
