/** "What do they see?": beside what you read, what Kafka, ZooKeeper and the network hold of the same record. */
import type { Seen } from "../wire.ts";
import { el } from "./dom.ts";
import { formatTime, formatUnit } from "./format.ts";

/** Groups of so many hexadecimal digits are easier on the eye. */
const HEX_GROUP = 8;

/** The page for a topic; asks the server each time it is shown. */
export async function showSeen(root: HTMLElement, topic: number): Promise<void> {
  const answer = await fetch(`/api/seen/${topic}`).catch(() => null);
  const again = el("button", { class: "quiet", type: "button", text: "Look again" });
  again.addEventListener("click", () => void showSeen(root, topic));
  if (!answer?.ok) {
    root.replaceChildren(problem(answer?.status), again);
    return;
  }
  const seen: Seen = await answer.json();
  const head = el("header", {}, el("h2", { text: "What do they see?" }), again);
  const lead = el("p", { class: "lead" });
  lead.append(
    "One record of ",
    el("b", { text: seen.topic }),
    ", as each party on its way has it. ",
  );
  lead.append(
    "It opens with your half of a key and the bridge's together; neither opens anything alone.",
  );
  const sights = [you(seen), kafka(seen), network(seen), zookeeper(seen)];
  const page = el("div", { class: "seen" }, head, lead, el("div", { class: "sights" }, ...sights));
  root.replaceChildren(page);
}

function problem(status: number | undefined): HTMLElement {
  const text = status === 404 ? "There is no such topic." : "The dashboard did not answer.";
  return el("div", { class: "empty" }, el("h2", { text }));
}

function sight(kind: string, title: string, note: string, ...content: Node[]): HTMLElement {
  const head = [el("h3", { text: title }), el("p", { text: note })];
  return el("section", { class: `sight ${kind}` }, ...head, ...content);
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
    ({ name, value, unit }) => [name || "value", `${value} ${formatUnit(unit)}`.trim()] as const,
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

function kafka({ kafka: record }: Seen): HTMLElement {
  if (!record)
    return sight("kafka", "Kafka", "It does not have the record any more, or none has come.");
  const place = `partition ${record.partition}, offset ${record.offset}`;
  return sight(
    "kafka",
    "Kafka, and the bridge",
    "An opaque name, a pseudonym of the device for this topic alone, and sealed bytes.",
    pairs([
      ["topic", record.topic],
      ["place", place],
      ["taken", formatTime(record.takenMs)],
      ["key", record.key],
      ...record.header.map(({ name, value }) => [name, value] as const),
    ]),
    hex(record.value, record.bytes),
  );
}

function network({ network: seen }: Seen): HTMLElement {
  if (!seen) return sight("", "The network", "Nothing has passed.");
  const size = seen.padded
    ? `${seen.bytes} bytes, padded: sizes tell little`
    : `${seen.bytes} bytes`;
  return sight(
    "",
    "The network",
    "Under TLS, who talks to the bridge, when, and how much. Nothing else, not even the opaque name.",
    pairs([
      ["record", size],
      ["MQTT topic", "v1/rec/ and a number that the device chose for this connection, inside TLS"],
    ]),
  );
}

function zookeeper({ zookeeper: nodes }: Seen): HTMLElement {
  if (nodes.length === 0) return sight("", "ZooKeeper", "Nothing of this topic yet.");
  const isAsked = nodes.some(({ bytes }) => bytes !== null);
  const note = isAsked
    ? "Who exists and when that changed. Keys and grants are sealed: who may use which topic is not in there."
    : "These nodes. Start the dashboard with --zookeeper to see what is in them.";
  const content = nodes.flatMap(({ path, text, bytes }) => {
    const size = bytes === null ? "" : ` (${bytes} bytes)`;
    const name = el("p", {}, el("code", { text: `${path}${size}` }));
    return text === null ? [name] : [name, scrollable(text, path)];
  });
  return sight("", "ZooKeeper", note, ...content);
}

function hex(text: string, bytes: number): HTMLElement {
  const groups = text.match(new RegExp(`.{1,${HEX_GROUP}}`, "g")) ?? [];
  const more = text.length / 2 < bytes ? " …" : "";
  return scrollable(`${groups.join(" ")}${more}`, "the record's bytes");
}

/** It may be longer than its box, so the keyboard must reach it. */
function scrollable(text: string, label: string): HTMLElement {
  return el("pre", { text, tabindex: "0", role: "region", "aria-label": label });
}
