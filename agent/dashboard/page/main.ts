/** Wires the page: the event stream fills the model, the model is drawn once a frame. */
import type { About, History } from "../wire.ts";
import { Cards } from "./cards.ts";
import { byId, setText } from "./dom.ts";
import { nothingCome, nothingFits, nothingGranted, nothingKnown } from "./empty.ts";
import { formatSpan, formatUnit, segmentsOf } from "./format.ts";
import { Hops } from "./hops.ts";
import { startKeys } from "./keys.ts";
import { Model, type Series } from "./model.ts";
import { goTo, HOME, type Place, type Route, readRoute } from "./route.ts";
import { SeenPage } from "./seen.ts";
import { startStream } from "./stream.ts";
import { Theme } from "./theme.ts";
import { keyOf, Tree } from "./tree.ts";

const WINDOWS_MS = [60_000, 300_000, 900_000, 3_600_000, 6 * 3_600_000, 24 * 3_600_000];
const FIRST_WINDOW_MS = 300_000;
const TICK_MS = 1000;
const HISTORY_RETRY_MS = 2000;

class Page {
  readonly #about: About;
  readonly #theme: Theme;
  readonly #model: Model;
  readonly #cards: Cards;
  readonly #tree: Tree;
  readonly #hops: Hops;
  readonly #seen = new SeenPage();
  readonly #view = byId("view");
  readonly #search = byId("search") as HTMLInputElement;
  readonly #window = byId("window") as HTMLSelectElement;
  /** What is shown; null before anything is. */
  #route: Route | null = null;
  /** Something may have changed what is to be shown. */
  #isArranged = false;
  #layout = "";

  constructor(about: About, theme: Theme) {
    this.#about = about;
    this.#theme = theme;
    this.#model = new Model(about.historyMs);
    const model = this.#model;
    this.#cards = new Cards({ model, onVisible: (topic) => void this.#loadHistory(topic) });
    this.#tree = new Tree({ model, root: byId("tree"), onChoose: (at) => goTo({ at }) });
    this.#hops = new Hops({ model, root: byId("hops") });
  }

  start(): void {
    const { tenant, client, login } = this.#about;
    setText(byId("who"), `${client} at ${tenant}`);
    byId("logout").hidden = !login;
    this.#fillWindows();
    this.#theme.onChange = () => this.#cards.recolour();
    this.#cards.recolour();
    const help = (): void => (byId("keys") as HTMLDialogElement).showModal();
    byId("help").addEventListener("click", help);
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault();
      byId("main").focus();
    });
    if (matchMedia("(max-width: 760px)").matches) byId("side").removeAttribute("open");
    const arrange = (): void => {
      this.#isArranged = false;
    };
    this.#search.addEventListener("input", () => {
      if ("seen" in readRoute()) goTo(HOME);
      arrange();
    });
    addEventListener("hashchange", arrange);
    const keys = {
      "/": () => this.#search.focus(),
      Escape: () => this.#escape(),
      "[": () => this.#stepWindow(-1),
      "]": () => this.#stepWindow(1),
      s: () => this.#showSeenOfPlace(),
      d: () => this.#theme.next(),
      "?": help,
    };
    startKeys(keys, byId("single-keys") as HTMLInputElement);
    startStream({
      onUpdate: (update) => {
        const isOther = this.#model.apply(update);
        if (isOther) this.#forget();
        this.#alarm();
        arrange();
      },
      onState: (state) => {
        this.#hops.link = state;
        this.#hops.draw();
      },
    });
    setInterval(() => this.#tick(), TICK_MS);
    const frame = (): void => {
      this.#arrange();
      this.#cards.draw();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** Shows other topics, or others of their values, where there are others to show. */
  #arrange(): void {
    if (this.#isArranged) return;
    this.#isArranged = true;
    const route = readRoute();
    const isOther = JSON.stringify(route) !== JSON.stringify(this.#route);
    if ("at" in route) this.#arrangeTopics(route.at);
    else if (this.#model.isFilled) this.#arrangeSeen(route.seen, isOther);
    if (!isOther || !this.#model.isFilled) return;
    const isFirst = this.#route === null;
    this.#route = route;
    this.#name(route);
    // What had the focus may have gone with the old page.
    if (!isFirst && document.activeElement === document.body) byId("main").focus();
  }

  /** The page's title names no topic: it goes into the browser's history. */
  #name(route: Route): void {
    const isSeen = "seen" in route;
    const what = isSeen ? "What do they see?" : "Readings";
    const name = isSeen ? this.#nameOf(route.seen) : this.#prefixOf(route.at).join("/");
    document.title = `${what} · VeilMQ dashboard`;
    setText(byId("title"), name === "" ? what : `${what} ${name}`);
  }

  #arrangeTopics(at: Place): void {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { isFilled, series } = this.#model;
    const layout = JSON.stringify([at, words, isFilled, series.size, this.#shape()]);
    if (layout === this.#layout) return;
    this.#layout = layout;
    const topics = [...this.#model.topics.values()];
    this.#tree.show(topics);
    const prefix = this.#prefixOf(at);
    this.#tree.select(keyOf(prefix));
    const isNamed = (topic: number): boolean => isFound(this.#nameOf(topic), words);
    const fits = (series: Series): boolean =>
      isNamed(series.topic) || isFound(textOf(series, this.#nameOf(series.topic)), words);
    const ids = topics
      .filter(({ name }) => prefix.every((segment, n) => segmentsOf(name)[n] === segment))
      .filter(({ id }) => isNamed(id) || this.#model.seriesOf(id).some(fits))
      .map(({ id }) => id);
    this.#cards.show(ids, fits);
    const empty = this.#emptyState(ids.length);
    this.#view.replaceChildren(empty ?? this.#cards.root);
    this.#cards.invalidate();
  }

  #arrangeSeen(topic: number, isOther: boolean): void {
    if (!isOther) return;
    this.#layout = "";
    const name = this.#nameOf(topic);
    this.#tree.show([...this.#model.topics.values()]);
    this.#tree.select(keyOf(segmentsOf(name)));
    this.#seen.show(topic, name);
    this.#view.replaceChildren(this.#seen.root);
  }

  #emptyState(shown: number): HTMLElement | null {
    if (!this.#model.isFilled) return nothingKnown();
    if (this.#model.topics.size === 0) return nothingGranted(this.#about.client);
    if (shown === 0) return nothingFits();
    return this.#model.series.size === 0 ? nothingCome() : null;
  }

  #tick(): void {
    if (this.#model.isFilled) this.#tree.show([...this.#model.topics.values()]);
    this.#tree.tick();
    this.#hops.draw();
    this.#cards.tick();
  }

  #alarm(): void {
    const { ended } = this.#model;
    const why = ended?.code === "REVOKED" ? "this credential is revoked" : ended?.message;
    const text = ended ? `Nothing more is read: ${why}. What was read before stays here.` : "";
    setText(byId("alarm"), text);
  }

  async #loadHistory(topic: number): Promise<void> {
    if (!this.#model.want(topic)) return;
    const answer = await fetch(`/api/history/${topic}`).catch(() => null);
    const history: History | undefined = answer?.ok ? await answer.json() : undefined;
    if (history) return this.#model.addHistory(history);
    this.#model.unwant(topic);
    setTimeout(() => {
      if (this.#cards.isInView(topic)) void this.#loadHistory(topic);
    }, HISTORY_RETRY_MS);
  }

  /** Another server: it has other ids, and its history is to be asked for anew. */
  #forget(): void {
    this.#cards.clear();
    this.#layout = "";
    this.#route = null;
  }

  /** What of the topics changes the arrangement. */
  #shape(): string {
    return [...this.#model.topics.values()].map(({ id }) => id).join();
  }

  #nameOf(topic: number): string {
    return this.#model.topics.get(topic)?.name ?? "";
  }

  #prefixOf({ topic, depth }: Place): string[] {
    return segmentsOf(this.#nameOf(topic)).slice(0, depth);
  }

  #showSeenOfPlace(): void {
    const route = readRoute();
    if (!("at" in route)) return;
    const [first] = this.#model.topics.keys();
    const topic = route.at.depth > 0 ? route.at.topic : first;
    if (topic !== undefined) goTo({ seen: topic });
  }

  #escape(): void {
    if (this.#search.value === "") goTo(HOME);
    this.#search.value = "";
    this.#search.blur();
    this.#isArranged = false;
  }

  #fillWindows(): void {
    for (const windowMs of WINDOWS_MS) {
      if (windowMs > this.#about.historyMs && windowMs !== WINDOWS_MS[0]) continue;
      const option = new Option(`last ${formatSpan(windowMs)}`, String(windowMs));
      this.#window.add(option);
      if (windowMs === FIRST_WINDOW_MS) this.#window.value = option.value;
    }
    const change = (): void => {
      this.#cards.windowMs = Number(this.#window.value);
      this.#cards.invalidate();
    };
    this.#window.addEventListener("change", change);
    change();
  }

  #stepWindow(step: -1 | 1): void {
    const last = this.#window.options.length - 1;
    this.#window.selectedIndex = Math.min(last, Math.max(0, this.#window.selectedIndex + step));
    this.#window.dispatchEvent(new Event("change"));
  }
}

/** What of a value is searched: the unit as it is shown, too. */
function textOf({ name, producer, unit }: Series, topic: string): string {
  return `${topic} ${name} ${producer} ${unit ?? ""} ${formatUnit(unit)}`;
}

function isFound(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word));
}

// Before anything is asked for, so that nobody sees the other colours first.
const theme = new Theme(byId("theme"));
const answer = await fetch("/api/about");
if (answer.ok) new Page(await answer.json(), theme).start();
else location.assign("/login");
