/** The demo's picture: one reading, as each party on its way has it. */
import { pause } from "../core/runtime/backoff.ts";
import { createLog } from "../core/runtime/log.ts";
import { type Arrival, readingOf } from "./arrivals.ts";
import type { RunningStack } from "./stack.ts";
import type { Tally } from "./tally.ts";
import { type Testimony, Witness } from "./witness.ts";

const SHOW_EVERY_MS = 2000;
const LABEL_WIDTH = 14;
const RULE_WIDTH = 100;
const SHOWN_BYTES = 32;

export interface ShowOptions {
  readonly newest: { readonly arrival: Arrival | null };
  readonly tally: Tally;
  readonly signal: AbortSignal;
  readonly once: number | null;
}

/** Draws the newest reading every two seconds. */
export async function show(running: RunningStack, options: ShowOptions): Promise<void> {
  const { newest, tally, signal, once } = options;
  const witness = new Witness({
    zookeeper: running.zookeeper,
    tap: running.tap,
    log: createLog("demo", "silent"),
  });
  await witness.start();
  try {
    for (let shown: string | undefined; await pause(SHOW_EVERY_MS, signal); ) {
      const { arrival } = newest;
      if (!arrival || arrival.id === shown) continue;
      shown = arrival.id;
      const { sensor, count } = readingOf(arrival);
      const agent = running.agents.find((candidate) => candidate.sensor.serial === sensor);
      const serialLine = agent?.sensor.lineOf(count) ?? "(no longer remembered)";
      const of = once === null ? "" : ` of ${once}`;
      const summary = `${tally.received}${of} readings have arrived; the newest, as each party has it`;
      const testimony = await witness.testify(arrival);
      process.stderr.write(`${picture({ serialLine, testimony, arrival, summary })}\n`);
    }
  } finally {
    await witness.stop();
  }
}

/** What there is to show of one reading. */
interface Moment {
  readonly serialLine: string;
  readonly testimony: Testimony;
  readonly arrival: Arrival;
  readonly summary: string;
}

/** Lines for a terminal of 100 columns or more. */
function picture({ serialLine, testimony, arrival, summary }: Moment): string {
  const { mqtt, kafka, zookeeper } = testimony;
  const rows: [string, string][] = [
    ["serial line", serialLine],
    ["MQTT", mqtt ? `v1/rec/…  ${hex(mqtt)}` : "(no longer remembered)"],
    ["Kafka", kafka ? `${kafka.topic}` : "(not found)"],
    ["", kafka ? `key ${kafka.key.toString("hex")}  value ${hex(kafka.value)}` : ""],
    ["ZooKeeper", zookeeper ? zookeeper.path : "(not found)"],
    ["", zookeeper ? cut(zookeeper.text) : ""],
    ["the consumer", `${arrival.topic}  from ${arrival.producer}`],
    ["", cut(arrival.pack.map(measurement).join("  "))],
  ];
  const head = `── ${summary} `.padEnd(RULE_WIDTH, "─");
  const body = rows.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)}${text}`.trimEnd());
  return [head, ...body, ""].join("\n");
}

function measurement({ n, v, vs, vb, u }: Arrival["pack"][number]): string {
  return `${n ?? "?"}=${v ?? vs ?? vb ?? "?"}${u ? ` ${u}` : ""}`;
}

function hex(bytes: Buffer): string {
  const shown = bytes.subarray(0, SHOWN_BYTES).toString("hex");
  return bytes.length > SHOWN_BYTES ? `${shown}… ${bytes.length} bytes` : shown;
}

function cut(text: string): string {
  const width = RULE_WIDTH - LABEL_WIDTH;
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
