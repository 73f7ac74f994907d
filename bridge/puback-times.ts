/**
 * How long PUBACKs took, as a Prometheus histogram. Counted here: prom-client makes objects and hashes labels at each
 * observation, and this is one for every record.
 */
import type { UpstreamKind } from "../core/wire/mqtt.ts";

/** From a batch's linger to a broker's change of leader. */
const BOUNDS_S = [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5, 1, 2, 5, 10, 30, 60] as const;
const BOUNDS_MS = BOUNDS_S.map((seconds) => seconds * 1000);
const NAME = "veilmq_puback_seconds";

class Times {
  /** One more than there are bounds: the last holds what is longer than all of them. */
  readonly counts = new Array<number>(BOUNDS_MS.length + 1).fill(0);
  sumMs = 0;
}

export class PubackTimes {
  readonly #byKind = new Map<UpstreamKind, Times>();

  observe(kind: UpstreamKind, elapsedMs: number): void {
    const times = this.#byKind.get(kind) ?? this.#begin(kind);
    let at = 0;
    while (elapsedMs > (BOUNDS_MS[at] ?? Infinity)) at++;
    times.counts[at] = (times.counts[at] ?? 0) + 1;
    times.sumMs += elapsedMs;
  }

  /** The Prometheus text. */
  text(): string {
    const lines = [
      `# HELP ${NAME} From a publish read to its PUBACK sent.`,
      `# TYPE ${NAME} histogram`,
    ];
    for (const [kind, { counts, sumMs }] of this.#byKind) {
      let total = 0;
      for (const [at, count] of counts.entries()) {
        total += count;
        lines.push(`${NAME}_bucket{le="${BOUNDS_S[at] ?? "+Inf"}",kind="${kind}"} ${total}`);
      }
      lines.push(`${NAME}_sum{kind="${kind}"} ${sumMs / 1000}`);
      lines.push(`${NAME}_count{kind="${kind}"} ${total}`);
    }
    return `${lines.join("\n")}\n`;
  }

  #begin(kind: UpstreamKind): Times {
    const times = new Times();
    this.#byKind.set(kind, times);
    return times;
  }
}
