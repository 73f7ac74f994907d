/** So many log lines a minute about one and the same party: a flood of refusals must not become one of log lines. */
import { RecentMap } from "./recent-map.ts";

const WINDOW_MS = 60_000;
const MAX_PARTIES = 10_000;

/** What was said about one in its minute. */
interface Party {
  lines: number;
  readonly untilMs: number;
  suppressed: number;
}

export class Quiet {
  readonly #perMinute: number;
  readonly #parties = new RecentMap<string, Party>({ max: MAX_PARTIES });
  readonly #nowMs: () => number;

  constructor(options: { readonly perMinute: number; readonly nowMs?: () => number }) {
    this.#perMinute = options.perMinute;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** What to add to a line about `party`: how many were left out before it. `null`: leave this one out, too. */
  take(party: string): { readonly suppressed?: number } | null {
    const nowMs = this.#nowMs();
    const known = this.#parties.get(party);
    const isOver = known === undefined || nowMs >= known.untilMs;
    if (!isOver && known.lines >= this.#perMinute) {
      known.suppressed++;
      return null;
    }
    const suppressed = known?.suppressed ?? 0;
    if (isOver) this.#parties.set(party, { lines: 1, untilMs: nowMs + WINDOW_MS, suppressed: 0 });
    else known.lines++;
    return isOver && suppressed > 0 ? { suppressed } : {};
  }
}
