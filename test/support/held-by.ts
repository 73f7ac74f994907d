/** What a signal that lives for years has been left with (docs/traps.md, `AbortSignal.any`). */
import { getEventListeners } from "node:events";

/** How many things hang on `signal`: listeners, and signals that depend on it, in a set of Node's own. */
export function heldBy(signal: AbortSignal): number {
  const parts: unknown[] = Object.getOwnPropertySymbols(signal).map((key) =>
    Reflect.get(signal, key),
  );
  const sizes = parts.map((part) => Number(Object(part).size ?? 0));
  return sizes.reduce((sum, size) => sum + size, getEventListeners(signal, "abort").length);
}
