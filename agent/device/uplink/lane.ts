/** One stream of the outbox on its way to the bridge: what outlives a connection. */
import type { RefusalCode } from "../../../core/errors.ts";
import type { StreamId } from "../outbox/entry.ts";
import type { Timings } from "./timings.ts";

const PARK_JITTER = 0.1;
/** Connections that end with the same entry alone in flight, before that entry is suspected. */
const STRIKES = 3;

export interface LaneOptions {
  readonly stream: StreamId;
  /** For this process; it never names another topic (PROTOCOL.md §5). */
  readonly alias: number;
  readonly epoch: number;
  /** The serial ports that feed it, for the log: a topic's name must not be there. */
  readonly ports: readonly string[];
  /** Lanes of the same topic in older epochs that can still be sent: what they hold comes first. */
  readonly elders: () => readonly Lane[];
  /** Made while the agent runs: its grant may reach a bridge a moment after the mail that brought its keys. */
  readonly isFresh: boolean;
  /** UEnc of its topic; asked once. */
  readonly computeToken: () => Promise<Buffer>;
  readonly timings: Timings;
}

export class Lane {
  readonly stream: StreamId;
  readonly alias: number;
  readonly epoch: number;
  readonly ports: readonly string[];
  readonly isFresh: boolean;
  /** Kids whose announcement was refused for good, with the code: their records would be too. */
  readonly refusedKids = new Map<string, RefusalCode>();
  readonly #options: LaneOptions;
  #token: Promise<Buffer> | undefined;
  #parkedUntilMs = 0;
  #isOver = false;
  /** Streams of older epochs that have no alias of their own any more, the oldest first. */
  readonly #inherited: StreamId[] = [];
  #shortParks = 0;
  #suspect = { sequence: 0, strikes: 0 };

  constructor(options: LaneOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.alias = options.alias;
    this.epoch = options.epoch;
    this.ports = options.ports;
    this.isFresh = options.isFresh;
  }

  async token(): Promise<Buffer> {
    this.#token ??= this.#options.computeToken();
    try {
      return await this.#token;
    } catch (error) {
      this.#token = undefined;
      throw error;
    }
  }

  /** What of the same topic was sealed before, and goes before. */
  elders(): readonly Lane[] {
    return this.#options.elders();
  }

  /** What goes under its alias, in this order. */
  get streams(): readonly StreamId[] {
    return [...this.#inherited, this.stream];
  }

  /** What an older lane of its topic held goes under this one's alias, before its own. */
  inherit(streams: readonly StreamId[]): void {
    for (const stream of streams)
      if (!this.#inherited.includes(stream)) this.#inherited.push(stream);
  }

  /** Not even under this alias can `stream` be sent. */
  disown(stream: StreamId): void {
    const at = this.#inherited.indexOf(stream);
    if (at >= 0) this.#inherited.splice(at, 1);
  }

  /** The grace window of its epoch is over: no bridge takes its alias any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Until when it is left alone, on the clock of `performance.now()`. */
  get parkedUntilMs(): number {
    return this.#parkedUntilMs;
  }

  get isParked(): boolean {
    return this.#parkedUntilMs > performance.now();
  }

  /** Leaves it alone for about five minutes: what was refused changes only if somebody changes it. */
  park(): void {
    this.#parkFor(this.#options.timings.parkMs);
  }

  /** Leaves it alone for some seconds, longer each time until something gets through. */
  parkBriefly(): void {
    const { shortParkMs, parkMs } = this.#options.timings;
    this.#parkFor(Math.min(parkMs, shortParkMs * 2 ** this.#shortParks));
    this.#shortParks++;
  }

  /** Leaves it alone for as long as this process lives. */
  end(): void {
    this.#isOver = true;
    this.#parkedUntilMs = Number.POSITIVE_INFINITY;
  }

  /** The bridge takes its topic again, or may. */
  unpark(): void {
    this.#parkedUntilMs = 0;
  }

  /** Something got through. */
  succeeded(): void {
    this.#shortParks = 0;
    this.#suspect = { sequence: 0, strikes: 0 };
  }

  /**
   * A connection ended with this entry alone in flight. Nobody said why, so it is not rejected, which
   * would break the promise; but when it happens again and again it must not hold up the other streams:
   * then the lane is parked, and this returns true.
   */
  strike(sequence: number): boolean {
    const same = this.#suspect.sequence === sequence;
    this.#suspect = { sequence, strikes: same ? this.#suspect.strikes + 1 : 1 };
    if (this.#suspect.strikes < STRIKES) return false;
    this.parkBriefly();
    return true;
  }

  #parkFor(ms: number): void {
    const jitter = 1 + PARK_JITTER * (2 * Math.random() - 1);
    this.#parkedUntilMs = performance.now() + ms * jitter;
  }
}
