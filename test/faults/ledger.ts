/**
 * What was taken, held against what arrived. How "taken" is counted, exactly, over agents that are killed -9:
 *
 * 1. A reading is taken when its sealed record is on the agent's disk. The agent tells the newest one on its local
 *    socket as `kid:seq`; sequence numbers of a kid begin at 0 and are used in order, so with it all before it in its
 *    kid are taken. What an agent reported as taken and did not arrive is *lost*.
 * 2. An agent that is killed may have had more on disk than it reported last. That is delivered after its restart, and
 *    counted as taken because it arrived: taken = reported or delivered. It can be neither lost nor counted twice.
 * 3. A reading on the serial line of a dead agent, on an unplugged line, or before a full disk is simply not taken. So
 *    the counts of a sensor may have a gap, but only between the last record that its agent reported before such an
 *    outage and the first one that it reported when it was over. Any other missing count is *missed*: the agent ran,
 *    its line was open and its disk worked, and yet it did not take a reading. That is as bad as a lost one.
 * 4. A reading that arrives again, as the same record or as another one, is *doubled*; one that arrives behind a later
 *    one of its sensor is *out of order*.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { parseArrival, readingOf } from "../../demo/arrivals.ts";
import { Tally } from "../../demo/tally.ts";

export interface Verdict {
  readonly taken: number;
  readonly delivered: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly missed: number;
}

/** What an agent reported between two outages: the first and the last `kid:seq`; the first `null` from the very start. */
interface Span {
  first: string | null;
  last: string | null;
}

/** The end of a kid's records that were reported. */
type Reported = Map<string, number>;

export class Ledger {
  readonly #reported: Reported = new Map();
  readonly #spans = new Map<string, Span[]>();
  readonly #suspended = new Set<string>();

  /** An agent says that everything up to this record is on its disk. `sensor` feeds it, and nothing else does. */
  reported(sensor: string, id: string): void {
    const { kid, seq } = positionOf(id);
    this.#reported.set(kid, Math.max(seq, this.#reported.get(kid) ?? 0));
    if (this.#suspended.has(sensor)) return;
    const spans = this.#spans.get(sensor) ?? [{ first: null, last: null }];
    this.#spans.set(sensor, spans);
    const span = spans.at(-1);
    if (!span) return;
    if (spans.length > 1) span.first ??= id;
    span.last = id;
  }

  /** From here on, readings of this sensor may be not taken. */
  outageBegins(sensor: string): void {
    this.#suspended.add(sensor);
  }

  /** From the next report on, every reading must be taken again. */
  outageEnds(sensor: string): void {
    this.#suspended.delete(sensor);
    this.#spans.set(sensor, [
      ...(this.#spans.get(sensor) ?? [{ first: null, last: null }]),
      { first: null, last: null },
    ]);
  }

  /** Reads the consumer's whole output. */
  async judge(outputFile: string): Promise<Verdict> {
    const tally = new Tally();
    const counts = new Map<string, number>();
    for await (const line of createInterface({ input: createReadStream(outputFile) })) {
      const arrival = parseArrival(line);
      const { sensor, count } = readingOf(arrival);
      tally.arrived(sensor, count);
      counts.set(arrival.id, count);
    }
    const lost = this.#lost(counts);
    const { received, duplicates, outOfOrder } = tally.count(0);
    return {
      taken: received + lost,
      delivered: received,
      lost,
      doubled: duplicates,
      outOfOrder,
      missed: this.#missed(counts, tally),
    };
  }

  #lost(counts: ReadonlyMap<string, number>): number {
    let lost = 0;
    for (const [kid, last] of this.#reported)
      for (let seq = 0; seq <= last; seq += 1) if (!counts.has(`${kid}:${seq}`)) lost += 1;
    return lost;
  }

  #missed(counts: ReadonlyMap<string, number>, tally: Tally): number {
    let missed = 0;
    for (const [sensor, spans] of this.#spans)
      for (const [index, { first, last }] of spans.entries()) {
        // A reported record that did not arrive is lost, and counted there.
        const from = first === null && index === 0 ? 1 : counts.get(first ?? "");
        const to = counts.get(last ?? "");
        if (from === undefined || to === undefined) continue;
        for (let count = from; count <= to; count += 1) if (!tally.has(sensor, count)) missed += 1;
      }
    return missed;
  }
}

function positionOf(id: string): { kid: string; seq: number } {
  const [kid = "", seq] = id.split(":");
  return { kid, seq: Number(seq) };
}
