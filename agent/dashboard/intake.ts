/** What has come of each topic: counted, and put on the board. */
import { momentOf, zeroOf } from "../../core/wire/clock.ts";
import { measurementsOf } from "../consumer/measurements.ts";
import { lagOf, type Position } from "../consumer/positions.ts";
import type { Reading } from "../consumer/reading.ts";
import type { Board } from "./board.ts";
import { Past } from "./past.ts";
import { Rate } from "./rate.ts";
import type { TopicView } from "./wire.ts";

/** What is counted of one topic. */
interface Count {
  readonly id: number;
  isFound: boolean;
  newest: Reading | null;
  readings: number;
  rejects: number;
  missing: number;
  /** By our own clock; what was in Kafka before is not counted. */
  readonly rate: Rate;
}

export interface IntakeOptions {
  /** Names in clear; their places are the ids. */
  readonly topics: readonly string[];
  readonly board: Pick<Board, "add" | "hidden">;
  /** How far each partition has been read. */
  readonly positions: () => readonly Position[];
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #counts: ReadonlyMap<string, Count>;
  readonly #past = new Past();

  constructor(options: IntakeOptions) {
    this.#options = options;
    const nothing = { isFound: false, newest: null, readings: 0, rejects: 0, missing: 0 };
    this.#counts = new Map(
      options.topics.map((topic, id) => [topic, { ...nothing, id, rate: new Rate() }]),
    );
  }

  /** To be called now and then: what partitions hold before anything of them has come is past. */
  note(): void {
    this.#past.note(this.#options.positions());
  }

  take(readings: readonly Reading[], nowMs: number): void {
    if (!readings.every((reading) => this.#past.knows(reading))) this.note();
    for (const reading of readings) this.#take(reading, nowMs);
  }

  /** Records that never came. */
  miss(topic: string, missing: bigint): void {
    const count = this.#counts.get(topic);
    if (count) count.missing += Number(missing);
  }

  /** Records that could not be opened. */
  reject(topic: string, rejects: number): void {
    const count = this.#counts.get(topic);
    if (count) count.rejects += rejects;
  }

  /** The topic is read. */
  found(topic: string): void {
    const count = this.#counts.get(topic);
    if (count) count.isFound = true;
  }

  newest(topic: string): Reading | null {
    return this.#counts.get(topic)?.newest ?? null;
  }

  views(nowMs: number): TopicView[] {
    const positions = this.#options.positions();
    return [...this.#counts].map(([name, count]) => {
      const own = positions.filter(({ topic }) => topic === name);
      const lag = own.reduce((sum, position) => sum + lagOf(position), 0n);
      const { id, isFound, readings, rejects, missing, rate } = count;
      return {
        ...{ id, name, readings, rejects, missing },
        found: isFound,
        hidden: this.#options.board.hidden(id),
        rate: rate.perSecond(nowMs),
        lag: own.length === 0 ? null : Number(lag),
      };
    });
  }

  #take(reading: Reading, nowMs: number): void {
    const count = this.#counts.get(reading.topic);
    // A clock record tells of a clock, and of no sensor.
    if (!count || zeroOf(reading.pack)) return;
    const isPast = this.#past.has(reading);
    count.readings += 1;
    count.newest = reading;
    if (!isPast) count.rate.add(1, nowMs);
    const sample = {
      topic: count.id,
      producer: reading.producer,
      arrivedMs: isPast ? Math.min(reading.takenMs, nowMs) : nowMs,
      isSynced: momentOf(reading.pack)?.isSet !== false,
    };
    for (const measurement of measurementsOf(reading))
      this.#options.board.add({ ...measurement, ...sample });
  }
}
