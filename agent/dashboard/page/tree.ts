/** The topics as a tree by `/`, with the keys that a tree has (WAI-ARIA, tree view). */
import type { TopicView } from "../wire.ts";
import { el, setAttribute, setText } from "./dom.ts";
import { segmentsOf } from "./format.ts";
import { isOutOfRange, type Model } from "./model.ts";
import type { Place } from "./route.ts";

/** Of `compareDocumentPosition`. */
const FOLLOWING = 4;

const ITEM = "[role='treeitem']";
const FOLD = "fold";

interface Node {
  readonly key: string;
  readonly place: Place;
  readonly topics: number[];
  readonly children: Map<string, Node>;
  readonly item: HTMLElement;
  readonly group: HTMLElement;
  readonly name: HTMLElement;
  readonly mark: HTMLElement;
}

export interface TreeOptions {
  readonly model: Model;
  readonly root: HTMLElement;
  readonly onChoose: (place: Place) => void;
}

export class Tree {
  readonly #options: TreeOptions;
  #nodes: Node[] = [];
  #shown = "";
  #selected = "";

  constructor(options: TreeOptions) {
    this.#options = options;
    options.root.addEventListener("keydown", (event) => this.#onKey(event));
    options.root.addEventListener("click", (event) => this.#onClick(event));
  }

  /** Shows these topics; does nothing where they are shown already. */
  show(topics: readonly TopicView[]): void {
    const key = JSON.stringify(topics.map(({ id, name }) => [id, name]));
    if (key === this.#shown) return;
    this.#shown = key;
    this.#nodes = [];
    const top = this.#make("", "All topics", { topic: -1, depth: 0 });
    for (const { id, name } of topics) this.#place(top, id, segmentsOf(name));
    this.#options.root.replaceChildren(top.item);
    this.select(this.#selected);
  }

  /** Marks the place with this key as the one that is shown. */
  select(key: string): void {
    this.#selected = key;
    const chosen = this.#nodes.find((node) => node.key === key) ?? this.#nodes[0];
    for (const node of this.#nodes) {
      setAttribute(node.item, "aria-selected", String(node === chosen));
      node.item.tabIndex = node === chosen ? 0 : -1;
    }
  }

  /** How many values below each place are out of range or stale. */
  tick(): void {
    const { model } = this.#options;
    const out = new Map<number, number>();
    const stale = new Map<number, number>();
    const count = (map: Map<number, number>, id: number) => map.set(id, (map.get(id) ?? 0) + 1);
    for (const series of model.series.values()) {
      if (isOutOfRange(series)) count(out, series.topic);
      else if (model.isStale(series)) count(stale, series.topic);
    }
    const sum = (map: Map<number, number>, ids: readonly number[]): number =>
      ids.reduce((total, id) => total + (map.get(id) ?? 0), 0);
    for (const { topics, mark } of this.#nodes) {
      const [bad, old] = [sum(out, topics), sum(stale, topics)];
      setAttribute(mark, "data-level", bad > 0 ? "bad" : old > 0 ? "warn" : null);
      setText(mark, bad > 0 ? `${bad} out` : old > 0 ? `${old} stale` : "");
    }
  }

  #place(top: Node, id: number, segments: readonly string[]): void {
    let node = top;
    node.topics.push(id);
    for (const [n, segment] of segments.entries()) {
      const key = `${node.key}/${segment}`;
      const next =
        node.children.get(segment) ?? this.#make(key, segment, { topic: id, depth: n + 1 });
      if (!node.children.has(segment)) {
        node.children.set(segment, next);
        node.group.append(next.item);
        if (!node.group.isConnected) node.item.append(node.group);
        setAttribute(node.item, "aria-expanded", "true");
      }
      next.topics.push(id);
      node = next;
    }
  }

  #make(key: string, label: string, place: Place): Node {
    const name = el("span", {
      class: "name",
      text: label === "" ? "(empty)" : label,
      title: label,
    });
    const mark = el("span", { class: "mark" });
    // A triangle for the pointer: keys fold the item itself.
    const fold = el("span", { class: FOLD, "aria-hidden": "true" });
    const item = el("div", { role: "treeitem" }, el("div", { class: "node" }, fold, name, mark));
    const group = el("div", { role: "group" });
    const node = { key, place, item, group, name, mark, topics: [], children: new Map() };
    this.#nodes.push(node);
    return node;
  }

  #onClick(event: Event): void {
    const item = event.target instanceof Element ? event.target.closest(ITEM) : null;
    const node = this.#nodes.find((each) => each.item === item);
    if (!node) return;
    const isFold = event.target instanceof Element && event.target.classList.contains(FOLD);
    if (isFold && node.children.size > 0) expand(node, !isExpanded(node));
    else this.#options.onChoose(node.place);
  }

  #onKey(event: KeyboardEvent): void {
    const at = this.#nodes.findIndex(({ item }) => item === document.activeElement);
    const node = this.#nodes[at];
    if (!node) return;
    const visible = this.#nodes
      .filter(({ item }) => !item.parentElement?.closest("[aria-expanded='false']"))
      .sort((a, b) => position(a.item, b.item));
    const n = visible.indexOf(node);
    const isOpen = isExpanded(node);
    const parent = visible.find(({ item }) => item === node.item.parentElement?.closest(ITEM));
    const moves: Record<string, () => void> = {
      ArrowDown: () => focus(visible[n + 1]),
      ArrowUp: () => focus(visible[n - 1]),
      Home: () => focus(visible[0]),
      End: () => focus(visible.at(-1)),
      ArrowRight: () => (isOpen ? focus(visible[n + 1]) : expand(node, true)),
      ArrowLeft: () => (isOpen ? expand(node, false) : focus(parent)),
      Enter: () => this.#options.onChoose(node.place),
      " ": () => this.#options.onChoose(node.place),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }
}

/** The key of a place, as the tree has it. */
export function keyOf(segments: readonly string[]): string {
  return segments.map((segment) => `/${segment}`).join("");
}

function position(a: Element, b: Element): number {
  return a.compareDocumentPosition(b) & FOLLOWING ? -1 : 1;
}

function focus(node: Node | undefined): void {
  node?.item.focus();
}

function isExpanded({ item }: Node): boolean {
  return item.getAttribute("aria-expanded") === "true";
}

function expand(node: Node, isOpen: boolean): void {
  if (node.children.size === 0) return;
  setAttribute(node.item, "aria-expanded", String(isOpen));
  node.group.hidden = !isOpen;
  // The one that Tab goes to must be seen.
  const reached = isOpen ? null : node.group.querySelector<HTMLElement>("[tabindex='0']");
  if (!reached) return;
  reached.tabIndex = -1;
  node.item.tabIndex = 0;
}
