/**
 * Registers aliases (PROTOCOL.md §5): one registration without PUBACK at a time, because while Kafka is away
 * PUBACKs, which come in order, must not pile up behind a record. No answer in 10 s: again. A refused
 * alias is asked for again when its lane is no longer parked.
 */
import type { RefusalCode } from "../../../core/errors.ts";
import type { Logger } from "../../../core/runtime/log.ts";
import { encodeRegistration, formatUpstream } from "../../../core/wire/mqtt.ts";
import type { Flight } from "./flight.ts";
import type { Lanes } from "./lanes.ts";
import type { Timings } from "./timings.ts";

export interface RegistrarOptions {
  /** The lanes of this connection; may grow. */
  readonly flights: ReadonlyMap<number, Flight>;
  readonly lanes: Pick<Lanes, "isNeeded" | "refusedEpoch">;
  readonly publish: (topic: string, payload: Buffer) => Promise<void>;
  readonly timings: Timings;
  readonly log: Logger;
  /** Whether the connection still lives. */
  readonly isOpen: () => boolean;
  /** Called when there may be something to do again. */
  readonly onChange: () => void;
}

export class Registrar {
  readonly #options: RegistrarOptions;
  #isAsking = false;

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  /** Sends the next registration that is due, if none is under way. */
  registerNext(): void {
    if (this.#isAsking) return;
    const flight = [...this.#options.flights.values()].find((each) => this.#isDue(each));
    if (!flight) return;
    this.#isAsking = true;
    void this.#ask(flight).finally(() => {
      this.#isAsking = false;
      this.#options.onChange();
    });
  }

  /** The lane's entries stay in the outbox; the other lanes go on. */
  park(flight: Flight, code: RefusalCode | "NO_TOKEN"): void {
    flight.state = "refused";
    flight.answerDueMs = performance.now() + this.#options.timings.answerMs;
    if (code === "EPOCH") this.#options.lanes.refusedEpoch(flight.lane);
    else if (code === "LIMIT" || (code === "NO_GRANT" && flight.lane.isFresh))
      flight.lane.parkBriefly();
    else flight.lane.park();
  }

  /**
   * A lane that was refused with entries in flight and got no PUBACK for them in time: it holds up all
   * others, whose PUBACKs come after.
   */
  overdue(): Flight | undefined {
    const now = performance.now();
    return [...this.#options.flights.values()].find(
      ({ state, sent, answerDueMs }) =>
        state === "refused" && sent.length > 0 && answerDueMs <= now,
    );
  }

  /** When time alone makes something due, on the clock of `performance.now()`. */
  nextDueMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { state, lane, sent, answerDueMs } of this.#options.flights.values()) {
      if (state === "refused" && sent.length > 0) due = Math.min(due, answerDueMs);
      // While one is under way no other can be, however due: `onChange` tells when it is done.
      if (this.#isAsking) continue;
      if (!this.#options.lanes.isNeeded(lane)) continue;
      if (state === "asked") due = Math.min(due, answerDueMs);
      if (state === "refused") due = Math.min(due, lane.parkedUntilMs);
    }
    return due;
  }

  #isDue({ state, answerDueMs, lane }: Flight): boolean {
    if (state === "open" || !this.#options.lanes.isNeeded(lane)) return false;
    const now = performance.now();
    if (state === "asked") return answerDueMs <= now;
    return state === "new" || lane.parkedUntilMs <= now;
  }

  async #ask(flight: Flight): Promise<void> {
    const { publish, timings, log, isOpen } = this.#options;
    const { lane } = flight;
    let token: Buffer;
    try {
      token = await lane.token();
    } catch (error) {
      if (!isOpen()) return;
      log.error({ err: error, ports: lane.ports }, "no token could be computed");
      this.park(flight, "NO_TOKEN");
      return;
    }
    // The answer may overtake the PUBACK.
    flight.state = "asked";
    flight.answerDueMs = Number.POSITIVE_INFINITY;
    const registration = encodeRegistration({ epoch: lane.epoch, token });
    try {
      await publish(formatUpstream({ kind: "reg", alias: lane.alias }), registration);
      flight.answerDueMs = performance.now() + timings.answerMs;
    } catch {
      // The connection has ended, and says why itself.
    }
  }
}
