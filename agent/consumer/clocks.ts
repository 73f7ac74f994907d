/**
 * The clocks of devices that began without one (docs/decisions/009-time.md). A clock record tells when a boot of a device
 * began; readings of that boot that were taken while its clock was not set get their time from it: those that come after
 * it or with it. Earlier ones have been given out, marked `unsynced`, with boot and mono, from which anybody can tell.
 *
 * Kept in `clocks.json` beside the checkpoint, and written before the checkpoint moves past a clock record.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import { replaceFile } from "../../core/runtime/files.ts";
import { isUnsynced, momentOf, zeroOf } from "../../core/wire/clock.ts";
import type { Reading } from "./reading.ts";

/** Boots that are remembered, of all devices together; the ones told of longest ago go first. */
const MAX_BOOTS = 10_000;
const MS_PER_SECOND = 1000;

const fileSchema = z.strictObject({
  veilmq: z.literal("clocks"),
  version: z.literal(1),
  /** `<producer>/<boot>` → milliseconds since 1970. */
  zeros: z.record(z.string(), z.number()),
});

export class Clocks {
  readonly #path: string | null;
  readonly #maxBoots: number;
  #zeros = new Map<string, number>();

  constructor(options: { stateDir: string | null; maxBoots?: number }) {
    this.#path = options.stateDir === null ? null : join(options.stateDir, "clocks.json");
    this.#maxBoots = options.maxBoots ?? MAX_BOOTS;
  }

  /** Throws CONFIG where the file is not one of ours. */
  async start(): Promise<void> {
    if (this.#path === null) return;
    const text = await readFile(this.#path, "utf8").catch(() => null);
    if (text !== null) this.#zeros = new Map(Object.entries(parse(text, this.#path)));
  }

  /** Learns from the clock records among `readings`, durably, and gives those without a set clock their time. */
  async apply(readings: readonly Reading[]): Promise<Reading[]> {
    const learned = readings.filter((reading) => this.#learn(reading));
    if (learned.length > 0) await this.#save();
    return readings.map((reading) => (isUnsynced(reading.pack) ? this.#mend(reading) : reading));
  }

  #learn({ producer, pack }: Reading): boolean {
    const zero = zeroOf(pack);
    if (!zero) return false;
    const key = `${producer}/${zero.boot}`;
    this.#zeros.delete(key);
    this.#zeros.set(key, zero.zeroMs);
    for (const oldest of this.#zeros.keys()) {
      if (this.#zeros.size <= this.#maxBoots) break;
      this.#zeros.delete(oldest);
    }
    return true;
  }

  #mend(reading: Reading): Reading {
    const moment = momentOf(reading.pack);
    const zeroMs = this.#zeros.get(`${reading.producer}/${moment?.boot}`);
    if (!moment || zeroMs === undefined) return reading;
    const timeMs = Math.round(zeroMs + moment.sinceBootMs);
    const [first, ...rest] = reading.pack;
    const { unsynced: _, ...record } = first ?? {};
    const pack = [{ ...record, bt: timeMs / MS_PER_SECOND }, ...rest];
    return { ...reading, timeMs, pack, json: undefined };
  }

  async #save(): Promise<void> {
    if (this.#path === null) return;
    const file: z.input<typeof fileSchema> = {
      veilmq: "clocks",
      version: 1,
      zeros: Object.fromEntries(this.#zeros),
    };
    await replaceFile(this.#path, `${JSON.stringify(file)}\n`);
  }
}

function parse(text: string, path: string): Record<string, number> {
  try {
    return fileSchema.parse(JSON.parse(text)).zeros;
  } catch (cause) {
    throw new VeilError("CONFIG", `${path} is no file of clocks`, {
      hint: "move it away: readings that wait for a clock record then stay unsynced",
      cause,
    });
  }
}
