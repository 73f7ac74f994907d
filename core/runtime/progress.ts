/** Long work shows how far it is, on stderr: a bar on a terminal, plain lines elsewhere (DESIGN.md). */

const BAR_CELLS = 24;
const REDRAW_MS = 1_000;
/** Elsewhere at most this many lines: a log of a bulk job must not be a line per client. */
const PLAIN_LINES = 10;

/** The part of `process.stderr` that progress needs. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface ProgressOptions {
  /** What is being done, such as `searching safe primes`. */
  readonly label: string;
  readonly total: number;
  /** Show also how many a second were done so far. */
  readonly rate?: boolean | undefined;
  readonly stream?: ProgressStream;
}

export class Progress {
  readonly #label: string;
  readonly #total: number;
  readonly #showsRate: boolean;
  readonly #stream: ProgressStream;
  #done = 0;
  #linesShown = 0;
  #startedAtMs: number | undefined;
  #redraw: NodeJS.Timeout | undefined;

  constructor({ label, total, rate = false, stream = process.stderr }: ProgressOptions) {
    this.#label = label;
    this.#total = total;
    this.#showsRate = rate;
    this.#stream = stream;
  }

  /** Shows 0 of `total`; on a terminal the seconds run from here on. */
  start(): void {
    this.#startedAtMs = performance.now();
    if (this.#stream.isTTY) this.#redraw = setInterval(() => this.#draw(), REDRAW_MS).unref();
    this.#show();
  }

  /** `done` of the total are done; it never goes back. */
  update(done: number): void {
    if (done <= this.#done) return;
    this.#done = done;
    this.#show();
  }

  /** Ends the bar's line, if there is one. Call it also when the work has failed. */
  stop(): void {
    clearInterval(this.#redraw);
    if (this.#stream.isTTY && this.#startedAtMs !== undefined) this.#stream.write("\n");
  }

  #show(): void {
    if (this.#stream.isTTY) {
      this.#draw();
      return;
    }
    const due = Math.floor((this.#done * PLAIN_LINES) / this.#total);
    if (this.#done > 0 && due < this.#linesShown) return;
    this.#linesShown = due + 1;
    this.#stream.write(`${this.#label}: ${this.#count()}\n`);
  }

  #draw(): void {
    const cells = Math.floor((this.#done * BAR_CELLS) / this.#total);
    const bar = "#".repeat(cells).padEnd(BAR_CELLS, ".");
    // Return, and clear to the end of the line: the text may have become shorter.
    this.#stream.write(`\r${this.#label} [${bar}] ${this.#count()}\x1b[K`);
  }

  #count(): string {
    const nowMs = performance.now();
    const seconds = (nowMs - (this.#startedAtMs ?? nowMs)) / 1_000;
    const isKnown = this.#showsRate && this.#done > 0 && seconds > 0;
    const rate = isKnown ? `, ${Number((this.#done / seconds).toPrecision(2))} a second` : "";
    return `${this.#done} of ${this.#total} (${Math.round(seconds)} s${rate})`;
  }
}
