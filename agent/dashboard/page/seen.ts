/** "What do they see?": beside what you read, what Kafka, ZooKeeper and the network hold of the same record. */
import type { Seen } from "../wire.ts";
import { el } from "./dom.ts";
import { formatTime, formatUnit, formatValue } from "./format.ts";

/** Groups of so many hexadecimal digits are easier on the eye. */
const HEX_GROUP = 8;

export class SeenPage {
  /** Nothing else is drawn into: an answer that comes late disturbs nobody. */
  readonly root = el("div", { class: "seen" });
  readonly #sights = el("div", { class: "sights" });
  readonly #lead = el("p", { class: "lead" });
  readonly #again = el("button", { class: "quiet", type: "button", text: "Look again" });
  #asking = new AbortController();
  #topic = -1;

  constructor() {
    const head = el("header", {}, el("h2", { text: "What do they see?" }), this.#again);
    this.root.append(head, this.#lead, this.#sights);
    this.#again.addEventListener("click", () => void this.#ask());
  }

  /** Asks the server each time. */
  show(topic: number, name: string): void {
    this.#topic = topic;
    this.#lead.replaceChildren(
      ...["One record of ", el("b", { text: name }), ", as each party on its way has it. "],
      "It opens with your half of a key and the bridge's together; neither opens anything alone.",
    );
    this.#sights.replaceChildren(note("Asking Kafka and ZooKeeper…"));
    void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#sights.setAttribute("aria-busy", "true");
    const answer = await fetch(`/api/seen/${this.#topic}`, { signal }).catch(() => null);
    const seen: Seen | null = answer?.ok ? await answer.json().catch(() => null) : null;
    // Another topic has been asked for meanwhile.
    if (signal.aborted) return;
    this.#sights.removeAttribute("aria-busy");
    if (seen) this.#sights.replaceChildren(you(seen), kafka(seen), network(seen), zookeeper(seen));
    else if (answer?.status === 404) this.#sights.replaceChildren(note("There is no such topic."));
    else this.#sights.replaceChildren(note("The dashboard did not answer."));
  }
}

function note(text: string): HTMLElement {
  return el("div", { class: "empty", role: "status" }, el("h3", { text }));
}

function sight(kind: string, title: string, text: string, ...content: Node[]): HTMLElement {
  const head = [el("h3", { text: title }), el("p", { text })];
  return el("section", { class: `sight ${kind}` }, ...head, ...content);
}

/** Who was asked and said nothing. */
function silence(kind: string, title: string): HTMLElement {
  return sight(`${kind} silent`, title, `${title} did not answer when it was asked.`);
}

function pairs(entries: readonly (readonly [string, string])[]): HTMLElement {
  const parts = entries.flatMap(([name, value]) => [
    el("dt", { text: name }),
    el("dd", { text: value }),
  ]);
  return el("dl", {}, ...parts);
}

function you({ topic, you: read }: Seen): HTMLElement {
  if (!read) return sight("you", "You", "Nothing has come in this topic yet.");
  const values = read.values.map(
    ({ name, value, unit }) =>
      [name || "value", `${formatValue(value)} ${formatUnit(unit)}`.trim()] as const,
  );
  return sight(
    "you",
    "You",
    "The topic by its name, and every value.",
    pairs([
      ["topic", topic],
      ["device", read.producer],
      ["time", formatTime(read.timeMs)],
      ...values,
    ]),
  );
}

function kafka({ kafka: record, silent }: Seen): HTMLElement {
  if (silent.includes("kafka")) return silence("kafka", "Kafka");
  if (!record)
    return sight("kafka", "Kafka", "It does not have the record any more, or none has come.");
  const { header } = record;
  return sight(
    "kafka",
    "Kafka, and the bridge",
    "An opaque name, a pseudonym of the device for this topic alone, and sealed bytes.",
    pairs([
      ["topic", record.topic],
      ["place", `partition ${record.partition}, offset ${record.offset}`],
      ["taken", formatTime(record.takenMs)],
      ["key", record.key],
      ...(header ? headerPairs(header) : []),
    ]),
    hex(record.value, record.bytes),
  );
}

function headerPairs({
  suite,
  algorithm,
  epoch,
  kid,
  number,
  timeMs,
}: NonNullable<NonNullable<Seen["kafka"]>["header"]>): [string, string][] {
  return [
    ["suite", String(suite)],
    ["algorithm", algorithm],
    ["epoch", String(epoch)],
    ["key id", kid],
    ["number", number],
    ["device's clock", formatTime(timeMs)],
  ];
}

function network({ network: passed, silent }: Seen): HTMLElement {
  if (!passed) {
    const why = silent.includes("kafka")
      ? "Not known: it follows from Kafka's record."
      : "Nothing has passed.";
    return sight("", "The network", why);
  }
  const size = passed.padded
    ? `${passed.bytes} bytes, padded: sizes tell little`
    : `${passed.bytes} bytes`;
  return sight(
    "",
    "The network",
    "Under TLS, who talks to the bridge, when, and how much. Nothing else, not even the opaque name. Nobody was asked: this follows from the record and the protocol.",
    pairs([
      ["record", size],
      ["MQTT topic", "v1/rec/ and a number that the device chose for this connection, inside TLS"],
    ]),
  );
}

function zookeeper({ zookeeper: { isAsked, nodes }, silent }: Seen): HTMLElement {
  if (silent.includes("zookeeper")) return silence("", "ZooKeeper");
  if (nodes.length === 0) return sight("", "ZooKeeper", "Nothing of this topic yet.");
  const text = isAsked
    ? "Who exists and when that changed. Keys and grants are sealed: who may use which topic is not in there."
    : "These nodes. Start the dashboard with --zookeeper to see what is in them.";
  const content = nodes.flatMap((node) => {
    const absent = isAsked ? " (not there)" : "";
    const size = node.bytes === null ? absent : ` (${node.bytes} bytes)`;
    const name = el("p", {}, el("code", { text: `${node.path}${size}` }));
    return node.text === null ? [name] : [name, scrollable(node.text, node.path)];
  });
  return sight("", "ZooKeeper", text, ...content);
}

function hex(text: string, bytes: number): HTMLElement {
  const groups = text.match(new RegExp(`.{1,${HEX_GROUP}}`, "g")) ?? [];
  const more = text.length / 2 < bytes ? " …" : "";
  const shown = scrollable(`${groups.join(" ")}${more}`, "the record's bytes");
  shown.classList.add("hex");
  return shown;
}

/** It may be longer than its box, so the keyboard must reach it. */
function scrollable(text: string, label: string): HTMLElement {
  return el("pre", { text, tabindex: "0", role: "region", "aria-label": label });
}
