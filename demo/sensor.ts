/** A simulated sensor: captured lines, played again and again through a pseudo-terminal at a steady rate. */
import { readFile } from "node:fs/promises";
import { VeilError } from "../core/errors.ts";
import { pause } from "../core/runtime/backoff.ts";
import { packageFile } from "../core/runtime/package.ts";

const CAPTURE = packageFile("devices", "json-lines", "capture.bin");
const TICK_MS = 20;
const REMEMBERED_LINES = 1000;

export interface SensorOptions {
  /** Where its lines go. */
  readonly cable: { write(bytes: Uint8Array): Promise<void> };
  /** Stands in each line: what must never be seen on the way. At least 12 bytes. */
  readonly serial: string;
  /** Readings a second. */
  readonly rate: number;
  /** How many readings there are to play; Infinity: until stopped. */
  readonly readings: number;
}

export class Sensor {
  readonly serial: string;
  readonly options: SensorOptions;
  #written = 0;
  /** The newest lines by their count, for showing. */
  readonly #recent = new Map<number, string>();

  constructor(options: SensorOptions) {
    this.serial = options.serial;
    this.options = options;
  }

  /** How many readings the serial line has carried. */
  get written(): number {
    return this.#written;
  }

  /** The line that carried reading number `count`; undefined if it is no longer remembered. */
  lineOf(count: number): string | undefined {
    return this.#recent.get(count);
  }

  /** Plays until all is played or `signal` aborts; called again, it goes on. */
  async play(signal: AbortSignal): Promise<void> {
    const { cable, rate, readings } = this.options;
    const captured = await capturedReadings();
    const before = this.#written;
    const startMs = performance.now();
    while (this.#written < readings && !signal.aborted) {
      const due = before + Math.floor(((performance.now() - startMs) / 1000) * rate) + 1;
      const lines: string[] = [];
      for (; this.#written < Math.min(due, readings); this.#written += 1)
        lines.push(this.#line(captured[this.#written % captured.length]));
      if (lines.length > 0) await cable.write(Buffer.from(lines.join("")));
      await pause(TICK_MS, signal);
    }
  }

  #line(captured: object | undefined): string {
    const count = this.#written + 1;
    const line = JSON.stringify({ sensor: this.serial, count, ...captured });
    this.#recent.set(count, line);
    this.#recent.delete(count - REMEMBERED_LINES);
    return `${line}\n`;
  }
}

/** The readings in the capture of the `json-lines` profile. */
async function capturedReadings(): Promise<object[]> {
  const lines = (await readFile(CAPTURE, "utf8")).split(/\r?\n/);
  const readings = lines.flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      const isMeasured = typeof value === "object" && value !== null && "temp" in value;
      return isMeasured && typeof value.temp === "number" ? [value] : [];
    } catch {
      // A capture begins in the middle of a line and holds noise, as a real line does.
      return [];
    }
  });
  if (readings.length === 0) throw new VeilError("NOT_FOUND", "the capture holds no reading");
  return readings;
}
