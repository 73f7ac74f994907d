/** The way of a reading, hop by hop: who answers, and when last. */
import type { HopView } from "../wire.ts";
import { el, setAttribute, setText } from "./dom.ts";
import { formatAge, formatCount, formatRate } from "./format.ts";
import type { Model } from "./model.ts";

type Level = "up" | "warn" | "down" | "unknown";

interface Chip {
  readonly root: HTMLElement;
  readonly detail: HTMLElement;
}

const HOPS: readonly [name: HopView["name"], title: string][] = [
  ["bridge", "Bridge"],
  ["kafka", "Kafka"],
  ["zookeeper", "ZooKeeper"],
  ["directory", "Directory"],
];

export class Hops {
  readonly #model: Model;
  readonly #root: HTMLElement;
  readonly #chips = new Map<string, Chip>();
  /** Whether the page itself is connected. */
  link: "live" | "waiting" = "waiting";

  constructor(options: { readonly model: Model; readonly root: HTMLElement }) {
    this.#model = options.model;
    this.#root = options.root;
  }

  draw(): void {
    this.#drawDevices();
    for (const [name, title] of HOPS) {
      const { state, seenMs } = this.#model.hops.find((hop) => hop.name === name) ?? UNKNOWN;
      const age = seenMs === null ? "" : `, ${formatAge(this.#model.nowMs - seenMs)}`;
      const words = { up: "answers", down: "does not answer", unknown: "not known" };
      this.#show(title, state, `${words[state]}${state === "unknown" ? "" : age}`);
    }
    this.#drawReading();
    const isLive = this.link === "live";
    this.#show("This page", isLive ? "up" : "down", isLive ? "live" : "connecting again…");
  }

  #drawDevices(): void {
    const newest = new Map<string, number>();
    let live = 0;
    for (const { producer, arrivedMs } of this.#model.series.values())
      newest.set(producer, Math.max(arrivedMs, newest.get(producer) ?? 0));
    const alive = new Set<string>();
    for (const series of this.#model.series.values())
      if (!this.#model.isStale(series)) alive.add(series.producer);
    live = alive.size;
    const last = Math.max(...newest.values());
    const level: Level = newest.size === 0 ? "unknown" : live < newest.size ? "warn" : "up";
    const detail =
      newest.size === 0
        ? "none heard yet"
        : `${live} of ${newest.size} heard, last ${formatAge(this.#model.nowMs - last)}`;
    this.#show("Devices", level, detail);
  }

  #drawReading(): void {
    const topics = [...this.#model.topics.values()];
    const lag = topics.reduce((sum, topic) => sum + (topic.lag ?? 0), 0);
    const rate = topics.reduce((sum, topic) => sum + topic.rate, 0);
    const isFound = topics.some(({ found }) => found);
    const level: Level = this.#model.ended ? "down" : isFound ? "up" : "unknown";
    const detail = isFound ? `${formatRate(rate)}, lag ${formatCount(lag)}` : "waiting for topics";
    this.#show("Reading", level, this.#model.ended ? "ended" : detail);
  }

  #show(title: string, level: Level, detail: string): void {
    const chip = this.#chips.get(title) ?? this.#make(title);
    setAttribute(chip.root, "data-state", level);
    setText(chip.detail, detail);
  }

  #make(title: string): Chip {
    const detail = el("span");
    const kind = TELLING.has(title) ? "hop telling" : "hop";
    const root = el("div", { class: kind }, el("b", { text: title }), detail);
    this.#root.append(root);
    const chip = { root, detail };
    this.#chips.set(title, chip);
    return chip;
  }
}

/** They say more than that they are up. */
const TELLING: ReadonlySet<string> = new Set(["Devices", "Reading"]);
const UNKNOWN = { state: "unknown", seenMs: null } as const;
