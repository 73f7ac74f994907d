/**
 * The memory that requests are written into, again and again. Made anew for each, it is garbage outside the heap, up to a megabyte at a
 * time, which the collector notices late.
 */

/** Memory for one request. A loan that does not end is garbage as any other. */
export interface Loan {
  /** At least `bytes` long, with whatever was written there before; to be called once. */
  take(bytes: number): Buffer;
  /** Nobody reads any more what was taken. */
  end(): void;
}

/** Of what is not lent, all together. */
const MAX_KEPT_BYTES = 4 * 2 ** 20;
/** What is lent grows from here by powers of two, so that what was made for one request fits others. */
const MIN_BYTES = 64 * 2 ** 10;

export class RequestMemory {
  /** Those given back last are last: of them the processor's cache knows most. */
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;

  /** For one request. */
  lend(): Loan {
    let taken: Buffer | undefined;
    return {
      take: (bytes) => {
        taken = this.#take(bytes);
        return taken;
      },
      end: () => {
        if (taken) this.#keep(taken);
        taken = undefined;
      },
    };
  }

  #take(bytes: number): Buffer {
    const at = this.#kept.findLastIndex(({ length }) => length >= bytes);
    const [found] = at < 0 ? [] : this.#kept.splice(at, 1);
    if (!found) return Buffer.allocUnsafeSlow(Math.max(MIN_BYTES, powerOfTwo(bytes)));
    this.#keptBytes -= found.length;
    return found;
  }

  #keep(taken: Buffer): void {
    this.#kept.push(taken);
    this.#keptBytes += taken.length;
    while (this.#keptBytes > MAX_KEPT_BYTES) this.#keptBytes -= this.#kept.shift()?.length ?? 0;
  }
}

/** The smallest that is not less than `bytes`. */
function powerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes));
}
