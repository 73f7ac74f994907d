/** What is shown, as the address says after `#`: `/`, `/at/<topic>/<depth>`, `/seen/<topic>`. Names are in no address. */

/** A place in the tree of topics: those below it begin with the same segments. */
export interface Place {
  /** One of the topics there, by id. */
  readonly topic: number;
  /** How many segments count; all topics for 0. */
  readonly depth: number;
}

export type Route = { readonly at: Place } | { readonly seen: number };

const EVERYTHING: Place = { topic: -1, depth: 0 };

export function readRoute(): Route {
  const [, kind, id = "", depth = ""] = location.hash.slice(1).split("/");
  if (!/^\d+$/.test(id)) return { at: EVERYTHING };
  if (kind === "seen") return { seen: Number(id) };
  if (kind === "at" && /^\d+$/.test(depth))
    return { at: { topic: Number(id), depth: Number(depth) } };
  return { at: EVERYTHING };
}

export function goTo(route: Route): void {
  location.hash = addressOf(route);
}

function addressOf(route: Route): string {
  if ("seen" in route) return `/seen/${route.seen}`;
  const { topic, depth } = route.at;
  return depth === 0 ? "/" : `/at/${topic}/${depth}`;
}

/** All topics. */
export const HOME: Route = { at: EVERYTHING };
