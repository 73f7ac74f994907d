/**
 * What an agent counts, for Prometheus. Loaded when somebody asks for the first time: the library for it takes 3 MiB,
 * and most devices are never asked.
 */
import { addCounter, addGauge, Registry, type Sample } from "../../core/runtime/metrics.ts";
import type { AgentStatus } from "./status.ts";

/** `GET /metrics`. */
export function agentMetrics(read: () => AgentStatus): Registry {
  const registry = new Registry();
  const byPort = (value: (port: AgentStatus["ports"][number]) => number) => (): readonly Sample[] =>
    read().ports.map((port) => ({ labels: { port: String(port.index) }, value: value(port) }));
  const labelNames = ["port"];
  const counters: [string, string, () => number][] = [
    ["readings_taken", "Readings that are on disk.", () => read().taken],
    ["readings_refused", "Readings that came and were not taken.", () => read().refused],
    ["records_acknowledged", "Records that a bridge acknowledged.", () => read().acknowledged],
    ["records_dropped", "Records dropped at the outbox's bound.", () => read().dropped],
  ];
  for (const [name, help, value] of counters)
    addCounter(registry, { name: `veilmq_agent_${name}_total`, help, read: value });
  const gauges: [string, string, () => number][] = [
    ["outbox_entries", "Entries that wait in the outbox.", () => read().pending],
    ["outbox_bytes", "What the outbox takes on disk.", () => read().outbox.bytes],
    ["epoch", "The epoch that readings are sealed for.", () => read().epoch],
    [
      "outbox_older_entries",
      "Entries of an older epoch that are on their way.",
      () => read().outbox.older.waiting,
    ],
    [
      "outbox_stranded_entries",
      "Entries that no key is left to send.",
      () => read().outbox.older.stranded,
    ],
    ["rejected_entries", "Entries in rejected/.", () => read().rejected],
    ["uplink_connected", "1 with a bridge, else 0.", () => connected(read())],
    ["uplink_window", "How many entries may be in flight.", () => read().uplink.window],
  ];
  for (const [name, help, value] of gauges)
    addGauge(registry, { name: `veilmq_agent_${name}`, help, read: value });
  addGauge(registry, {
    name: "veilmq_agent_port_open",
    help: "1 while the port is open, else 0.",
    labelNames,
    read: byPort(({ state }) => (state === "open" ? 1 : 0)),
  });
  addGauge(registry, {
    name: "veilmq_agent_port_silent",
    help: "1 while nothing valid came for too long, else 0.",
    labelNames,
    read: byPort(({ silent }) => (silent ? 1 : 0)),
  });
  addCounter(registry, {
    name: "veilmq_agent_frames_total",
    help: "Whole frames from the line.",
    labelNames,
    read: byPort(({ frames }) => frames),
  });
  addCounter(registry, {
    name: "veilmq_agent_frames_invalid_total",
    help: "Frames that the profile could not read.",
    labelNames,
    read: byPort(({ invalid }) => invalid),
  });
  addCounter(registry, {
    name: "veilmq_agent_line_dropped_bytes_total",
    help: "Bytes that the framing threw away.",
    labelNames,
    read: byPort(({ droppedBytes }) => droppedBytes),
  });
  return registry;
}

function connected({ uplink }: AgentStatus): number {
  return uplink.state === "connected" ? 1 : 0;
}
