/**
 * The device's clock as readings are stamped with it. Looks now and then whether it is set; from then on it stays so
 * for this process. Which boot had readings without a set clock is remembered on disk, so that their clock record is
 * published even if the process ends in between.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { pause } from "../../../core/runtime/backoff.ts";
import { replaceFile } from "../../../core/runtime/files.ts";
import type { Logger } from "../../../core/runtime/log.ts";
import type { Moment } from "../../../core/wire/clock.ts";
import { bootId, sinceBootMs } from "./boot.ts";
import { isClockSet } from "./clock-set.ts";

const LOOK_INTERVAL_MS = 10_000;
const MARK = "unsynced.json";

const markSchema = z.object({ boot: z.string() });

export interface DeviceClockOptions {
  readonly stateDir: string;
  /** `trusted`: the clock is right whatever the system says, as with one of its own and nobody to ask. */
  readonly trust: "system" | "trusted";
  /** Told once the clock is set, if readings of this boot were taken before. */
  readonly onSet: (moment: Moment) => void;
  readonly log: Logger;
  /** For tests. */
  readonly isSet?: (() => Promise<boolean>) | undefined;
  readonly lookIntervalMs?: number | undefined;
}

export class DeviceClock {
  readonly #options: DeviceClockOptions;
  readonly #boot = bootId();
  readonly #end = new AbortController();
  #isSet: boolean;
  /** Whether readings of this boot lack a set clock. */
  #owes = false;
  #looking: Promise<void> | undefined;
  #marking: Promise<void> = Promise.resolve();

  constructor(options: DeviceClockOptions) {
    this.#options = options;
    this.#isSet = options.trust === "trusted";
  }

  get isSet(): boolean {
    return this.#isSet;
  }

  /** Resolves when it is known whether the clock is set now. */
  async start(): Promise<void> {
    this.#owes = await this.#readMark();
    await this.#look();
    if (!this.#isSet) {
      this.#options.log.warn(
        "the clock is not set: readings are kept with the time since the boot",
      );
      this.#looking = this.#lookRegularly();
    }
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#looking;
    await this.#marking;
  }

  now(): Moment {
    return {
      wallMs: Date.now(),
      boot: this.#boot,
      sinceBootMs: sinceBootMs(),
      isSet: this.#isSet,
    };
  }

  /** As `now`, for a reading. */
  stamp(): Moment {
    if (!this.#isSet && !this.#owes) {
      this.#owes = true;
      this.#marking = this.#writeMark();
    }
    return this.now();
  }

  async #lookRegularly(): Promise<void> {
    const { lookIntervalMs = LOOK_INTERVAL_MS } = this.#options;
    while (!this.#isSet && (await pause(lookIntervalMs, this.#end.signal))) await this.#look();
  }

  async #look(): Promise<void> {
    const { isSet = isClockSet, onSet, log } = this.#options;
    this.#isSet ||= await isSet();
    if (!this.#isSet || !this.#owes) return;
    log.info("the clock is set: a clock record tells the times of the readings before");
    onSet(this.now());
  }

  get #markPath(): string {
    return join(this.#options.stateDir, MARK);
  }

  /** Whether this boot has readings without a set clock. What an earlier boot left cannot be mended any more. */
  async #readMark(): Promise<boolean> {
    const text = await readFile(this.#markPath, "utf8").catch(() => "null");
    const mark = markSchema.safeParse(parse(text));
    if (mark.data?.boot === this.#boot) return true;
    await rm(this.#markPath, { force: true });
    return false;
  }

  async #writeMark(): Promise<void> {
    await replaceFile(this.#markPath, JSON.stringify({ boot: this.#boot })).catch(
      (error: unknown) =>
        this.#options.log.warn({ err: error }, "cannot remember that the clock was not set"),
    );
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
