/**
 * A client's grants, packed: a fleet of 10,000 clients with a hundred grants each is a million of them, which as
 * objects in a Map would take half a gigabyte and here take 50 MB.
 */
import { VeilError } from "../../core/errors.ts";
import { TAG_BYTES } from "../../core/scheme/tag.ts";
import { type Grant, OPERATIONS } from "../../core/wire/directory.ts";

const OPS_AT = TAG_BYTES;
const NBF_AT = OPS_AT + 1;
const EXP_AT = NBF_AT + 8;
const ROW_BYTES = EXP_AT + 8;

/** One chunk's grants: rows of `tag(32) ‖ ops(1, one bit each) ‖ nbf(8) ‖ exp(8)`, ordered by tag. */
export type GrantRows = Buffer<ArrayBuffer>;

/** Packs the grants of one chunk. Throws BAD_DOCUMENT where a tag comes twice. */
export function packGrants(grants: readonly Grant[]): GrantRows {
  const sorted = [...grants].sort((a, b) => Buffer.compare(a.tag, b.tag));
  const rows = Buffer.alloc(sorted.length * ROW_BYTES);
  sorted.forEach(({ tag, ops, nbf, exp }, index) => {
    if (sorted[index - 1]?.tag.equals(tag))
      throw new VeilError("BAD_DOCUMENT", "a chunk grants the same tag twice");
    const at = index * ROW_BYTES;
    rows.set(tag, at);
    rows.writeUInt8(
      ops.reduce((bits, op) => bits | (1 << OPERATIONS.indexOf(op)), 0),
      at + OPS_AT,
    );
    // Times are integers up to 2^53: a double holds them exactly.
    rows.writeDoubleBE(nbf, at + NBF_AT);
    rows.writeDoubleBE(exp, at + EXP_AT);
  });
  return rows;
}

/** All chunks of one client as a map by hex tag. Where two chunks grant the same tag, the lower chunk counts. */
export class GrantTable implements ReadonlyMap<string, Grant> {
  readonly #chunks: readonly GrantRows[];

  constructor(chunks: readonly GrantRows[]) {
    this.#chunks = chunks;
  }

  get size(): number {
    return this.#chunks.reduce((sum, rows) => sum + rows.length / ROW_BYTES, 0);
  }

  get(hexTag: string): Grant | undefined {
    const tag = Buffer.from(hexTag, "hex");
    if (tag.length !== TAG_BYTES) return undefined;
    for (const rows of this.#chunks) {
      const at = findRow(rows, tag);
      if (at !== undefined) return readRow(rows, at);
    }
    return undefined;
  }

  has(hexTag: string): boolean {
    return this.get(hexTag) !== undefined;
  }

  *entries(): MapIterator<[string, Grant]> {
    for (const grant of this.values()) yield [grant.tag.toString("hex"), grant];
  }

  *keys(): MapIterator<string> {
    for (const { tag } of this.values()) yield tag.toString("hex");
  }

  *values(): MapIterator<Grant> {
    for (const rows of this.#chunks)
      for (let at = 0; at < rows.length; at += ROW_BYTES) yield readRow(rows, at);
  }

  [Symbol.iterator](): MapIterator<[string, Grant]> {
    return this.entries();
  }

  forEach(callback: (grant: Grant, hexTag: string, map: ReadonlyMap<string, Grant>) => void): void {
    for (const [hexTag, grant] of this) callback(grant, hexTag, this);
  }
}

/** Where the row of `tag` begins, by bisection. */
function findRow(rows: GrantRows, tag: Buffer): number | undefined {
  let low = 0;
  let high = rows.length / ROW_BYTES;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = middle * ROW_BYTES;
    const order = tag.compare(rows, at, at + TAG_BYTES);
    if (order === 0) return at;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return undefined;
}

function readRow(rows: GrantRows, at: number): Grant {
  const bits = rows.readUInt8(at + OPS_AT);
  return {
    tag: rows.subarray(at, at + TAG_BYTES),
    ops: OPERATIONS.filter((_, bit) => (bits & (1 << bit)) !== 0),
    nbf: rows.readDoubleBE(at + NBF_AT),
    exp: rows.readDoubleBE(at + EXP_AT),
  };
}
