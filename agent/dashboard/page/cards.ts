/** The readings of some topics: a section for each, a card with a chart for each value. Only what is in view is drawn. */
import type { MAX_HIDDEN } from "../wire.ts";
import { Card } from "./card.ts";
import { readColours } from "./chart.ts";
import { el } from "./dom.ts";
import { formatCount, formatRate, segmentsOf } from "./format.ts";
import type { Model, Series } from "./model.ts";

/** More values that are not shown are not counted. The page loads types alone of what it shares with the server. */
const COUNTED: typeof MAX_HIDDEN = 1000;
/** No further card is drawn in a frame after so long: the others follow in the next ones. */
const BUDGET_MS = 5;
/** Cards out of view drawn in a frame; all of them once in a round. */
const HIDDEN_PER_FRAME = 20;
const HIDDEN_ROUND_MS = 1000;
/** A chart that gets nothing moves on, too. */
const SLIDE_MS = 1000;
/** Drawn before it is scrolled into view. */
const MARGIN = "200px";

interface Section {
  readonly root: HTMLElement;
  readonly facts: HTMLElement;
  readonly grid: HTMLElement;
}

export interface CardsOptions {
  readonly model: Model;
  /** A topic has come into view: its history is wanted. */
  readonly onVisible: (topic: number) => void;
}

export class Cards {
  readonly root = el("div");
  windowMs = 0;
  readonly #options: CardsOptions;
  readonly #sections = new Map<number, Section>();
  readonly #cards = new Map<number, Card>();
  readonly #byRoot = new Map<Element, Card>();
  readonly #visible = new Set<Card>();
  /** Cards whose turn is still to come, in this round. */
  #round: Card[] = [];
  #nextRoundMs = 0;
  readonly #seen: IntersectionObserver;
  readonly #sized: ResizeObserver;

  constructor(options: CardsOptions) {
    this.#options = options;
    this.#seen = new IntersectionObserver((entries) => this.#look(entries), { rootMargin: MARGIN });
    this.#sized = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries)
        this.#byRoot.get(target)?.resize(Math.floor(contentRect.width));
    });
  }

  /** Shows these topics, in this order, each with those of its series that `fits`. */
  show(topics: readonly number[], fits: (series: Series) => boolean): void {
    const wanted = new Set(topics);
    for (const [id, { root }] of this.#sections) if (!wanted.has(id)) root.remove();
    let before: Element | null = this.root.firstElementChild;
    for (const id of topics) {
      const section = this.#sectionOf(id);
      if (section.root === before) before = before.nextElementSibling;
      else this.root.insertBefore(section.root, before);
      this.#fill(id, section, fits);
    }
  }

  /** Whether something of the topic is in view. */
  isInView(topic: number): boolean {
    const { series } = this.#options.model;
    return [...this.#visible].some(
      ({ id, root }) => root.isConnected && series.get(id)?.topic === topic,
    );
  }

  /** After another server has answered: every id means something else. */
  clear(): void {
    for (const card of this.#cards.values()) this.#drop(card);
    for (const { root } of this.#sections.values()) root.remove();
    for (const map of [this.#sections, this.#cards, this.#byRoot, this.#visible]) map.clear();
    this.#round = [];
  }

  /** After the colours have changed. */
  recolour(): void {
    readColours();
    for (const card of this.#cards.values()) card.redraw();
  }

  /** Draws all anew, as after a change of the window. */
  invalidate(): void {
    for (const card of this.#cards.values()) card.drawnAtMs = 0;
  }

  /** Brings what is in view up to date, as much of it as a frame allows: what has waited longest first. */
  draw(): void {
    const { model } = this.#options;
    const beganMs = performance.now();
    const due = [...this.#visible]
      .filter(({ root }) => root.isConnected)
      .filter(({ id, drawnAtMs }) => model.dirty.has(id) || beganMs - drawnAtMs >= SLIDE_MS)
      .sort((a, b) => a.drawnAtMs - b.drawnAtMs);
    for (const card of due) {
      if (performance.now() - beganMs > BUDGET_MS) return;
      card.drawnAtMs = beganMs;
      model.dirty.delete(card.id);
      card.draw(this.windowMs);
    }
    this.#drawHidden(beganMs);
  }

  /** Once a second: what is said of topics. */
  tick(): void {
    for (const [id, { facts, root }] of this.#sections)
      if (root.isConnected) this.#drawFacts(id, facts);
  }

  /** Values out of view, which a search of the browser's may find: some in each frame. */
  #drawHidden(nowMs: number): void {
    if (this.#round.length === 0 && nowMs >= this.#nextRoundMs) {
      this.#nextRoundMs = nowMs + HIDDEN_ROUND_MS;
      this.#round = [...this.#cards.values()];
    }
    for (const card of this.#round.splice(-HIDDEN_PER_FRAME))
      if (!card.isVisible && card.root.isConnected) card.draw(this.windowMs);
  }

  #sectionOf(id: number): Section {
    const known = this.#sections.get(id);
    if (known) return known;
    const segments = segmentsOf(this.#options.model.topics.get(id)?.name ?? "");
    const parents = segments.slice(0, -1).map((segment) => `${segment}/`);
    const facts = el("p", { class: "facts" });
    const grid = el("div", { class: "cards" });
    const title = el(
      "h2",
      {},
      el("span", { class: "parents", text: parents.join("") }),
      segments.at(-1) ?? "",
    );
    const link = el("a", { href: `#/seen/${id}`, text: "What do they see?" });
    const root = el("section", { class: "topic" }, el("header", {}, title, facts, link), grid);
    const section = { root, facts, grid };
    this.#sections.set(id, section);
    this.#drawFacts(id, facts);
    return section;
  }

  #fill(id: number, { grid }: Section, fits: (series: Series) => boolean): void {
    const all = this.#options.model.seriesOf(id);
    const wanted = all.filter(fits).map((series) => this.#cardOf(series).root);
    if (wanted.length === 0 && all.length === 0) {
      const nothing = el("p", { class: "facts", text: "Nothing has come yet." });
      grid.replaceChildren(nothing);
      return;
    }
    const isSame =
      grid.children.length === wanted.length &&
      wanted.every((root, n) => grid.children[n] === root);
    if (!isSame) grid.replaceChildren(...wanted);
  }

  #cardOf(series: Series): Card {
    const known = this.#cards.get(series.id);
    if (known) return known;
    const card = new Card(this.#options.model, series);
    this.#cards.set(series.id, card);
    this.#byRoot.set(card.root, card);
    this.#byRoot.set(card.plot, card);
    this.#sized.observe(card.plot);
    this.#seen.observe(card.root);
    card.draw(this.windowMs);
    return card;
  }

  #look(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const card = this.#byRoot.get(target);
      if (!card) continue;
      card.isVisible = isIntersecting;
      card.drawnAtMs = 0;
      if (isIntersecting) this.#visible.add(card);
      else this.#visible.delete(card);
      const series = this.#options.model.series.get(card.id);
      if (isIntersecting && series) this.#options.onVisible(series.topic);
      if (!isIntersecting) card.dropChart();
    }
  }

  #drawFacts(id: number, facts: HTMLElement): void {
    const topic = this.#options.model.topics.get(id);
    if (!topic) return;
    const parts: [level: string, text: string][] = [];
    if (!topic.found) parts.push(["warn", "not there yet"]);
    else parts.push(["", formatRate(topic.rate)], ["", `lag ${formatCount(topic.lag ?? 0)}`]);
    if (topic.missing > 0) parts.push(["warn", `${formatCount(topic.missing)} missing`]);
    if (topic.rejects > 0) parts.push(["warn", `${formatCount(topic.rejects)} cannot be opened`]);
    if (topic.hidden > 0) {
      const more = topic.hidden >= COUNTED ? " or more" : "";
      parts.push(["warn", `${formatCount(topic.hidden)}${more} values not shown`]);
    }
    const key = JSON.stringify(parts);
    if (facts.dataset["shown"] === key) return;
    facts.dataset["shown"] = key;
    const spans = parts.map(([level, text]) => el("span", { "data-level": level, text }));
    facts.replaceChildren(...spans.flatMap((span, n) => (n === 0 ? [span] : [" · ", span])));
  }

  #drop(card: Card): void {
    card.dropChart();
    this.#seen.unobserve(card.root);
    this.#sized.unobserve(card.plot);
  }
}
