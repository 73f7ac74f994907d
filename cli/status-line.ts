/** One line at the bottom of a terminal that says how far a consumer is. */
import type { OutputFile } from "../agent/consumer/output-file.ts";
import type { LineSink } from "../agent/consumer/sinks.ts";

const REDRAW_MS = 1000;
const RATE_OVER_S = 10;
const CLEAR_LINE = "\r\x1b[K";

export interface StatusLineOptions {
  readonly stream: { write(text: string): unknown };
  readonly describe: () => { readonly readings: number; readonly rejects: number };
  /** Of all partitions together. */
  readonly positions: () => { readonly offset: bigint; readonly lag: bigint };
}

export class StatusLine {
  readonly #options: StatusLineOptions;
  /** Readings at the end of each of the last seconds. */
  readonly #history: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #text = "";

  constructor(options: StatusLineOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#update(), REDRAW_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.clear();
    this.#text = "";
  }

  clear(): void {
    if (this.#text !== "") this.#options.stream.write(CLEAR_LINE);
  }

  draw(): void {
    if (this.#text !== "") this.#options.stream.write(`${CLEAR_LINE}${this.#text}`);
  }

  #update(): void {
    const { readings, rejects } = this.#options.describe();
    const { offset, lag } = this.#options.positions();
    this.#history.push(readings);
    if (this.#history.length > RATE_OVER_S + 1) this.#history.shift();
    const seconds = Math.max(1, this.#history.length - 1);
    const rate = (readings - (this.#history[0] ?? readings)) / seconds;
    const refused = rejects > 0 ? `  ${rejects} rejected` : "";
    this.#text = `${readings} readings  ${rate.toFixed(1)}/s  lag ${lag}  offset ${offset}${refused}`;
    this.draw();
  }
}

/** Lines to the terminal on which a status line stands: it makes room for them. */
export class AboveStatusLine implements LineSink {
  readonly #lines: LineSink;
  readonly #status: () => StatusLine | null;

  constructor(lines: LineSink, status: () => StatusLine | null) {
    this.#lines = lines;
    this.#status = status;
  }

  async open(length: number | null, file?: OutputFile): Promise<OutputFile | undefined> {
    return await this.#lines.open(length, file);
  }

  async write(lines: string): Promise<void> {
    this.#status()?.clear();
    await this.#lines.write(lines);
    this.#status()?.draw();
  }

  async flush(): Promise<number | null> {
    return this.#lines.flush();
  }

  async close(): Promise<void> {
    await this.#lines.close();
  }
}
