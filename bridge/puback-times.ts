/** How long PUBACKs took, as a Prometheus histogram: counted here, since this is for every record. */

/** From a batch's linger to a broker's change of leader. */
const BOUNDS_S = [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5, 1, 2, 5, 10, 30, 60] as const;
const BOUNDS_MS = BOUNDS_S.map((seconds) => seconds * 1000);
const NAME = "veilmq_puback_seconds";

/** Of one kind of publish of one tenant. */
export class PubackTimes {
  /** One more than there are bounds: the last holds what is longer than all of them. */
  readonly #counts = new Array<number>(BOUNDS_MS.length + 1).fill(0);
  #sumMs = 0;

  observe(elapsedMs: number): void {
    let at = 0;
    while (elapsedMs > (BOUNDS_MS[at] ?? Infinity)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sumMs += elapsedMs;
  }

  /** The lines of the Prometheus text with `labels`; none before the first PUBACK. */
  lines(labels: string): string[] {
    const lines: string[] = [];
    let total = 0;
    for (const [at, count] of this.#counts.entries()) {
      total += count;
      lines.push(`${NAME}_bucket{le="${BOUNDS_S[at] ?? "+Inf"}",${labels}} ${total}`);
    }
    if (total === 0) return [];
    return [
      ...lines,
      `${NAME}_sum{${labels}} ${this.#sumMs / 1000}`,
      `${NAME}_count{${labels}} ${total}`,
    ];
  }
}

/** The Prometheus text of all `lines`. */
export function pubackText(lines: readonly string[]): string {
  const head = [
    `# HELP ${NAME} From a publish read to its PUBACK sent.`,
    `# TYPE ${NAME} histogram`,
  ];
  return `${[...head, ...lines].join("\n")}\n`;
}
