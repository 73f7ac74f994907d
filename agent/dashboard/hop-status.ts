/** How the hops are, as a bridge said last; and that it says nothing any more. */
import type { StatusResponse } from "../../core/wire/http.ts";
import type { HopView } from "./wire.ts";

const HOPS = ["bridge", "kafka", "zookeeper", "directory"] as const;
/** It is asked every five seconds: a frozen bridge takes half a minute to be given up, and is not up meanwhile. */
const MAX_AGE_MS = 12_000;

export class HopStatus {
  #answer: StatusResponse | null = null;
  #answeredMs = 0;
  #isAway = true;

  /** `null` while no bridge answers. */
  take(status: StatusResponse | null, nowMs: number): void {
    this.#isAway = status === null;
    if (!status) return;
    this.#answer = status;
    this.#answeredMs = nowMs;
  }

  /** What a bridge knows of the others is worth as much as its last answer. */
  views(nowMs: number): HopView[] {
    const isAway = this.#isAway || nowMs - this.#answeredMs > MAX_AGE_MS;
    return HOPS.map((name) => {
      const { state, ageMs } = this.#answer?.[name] ?? { state: "down", ageMs: null };
      const seenMs = ageMs === null ? null : this.#answeredMs - ageMs;
      if (!isAway) return { name, state, seenMs };
      return { name, state: name === "bridge" ? "down" : "unknown", seenMs };
    });
  }
}
