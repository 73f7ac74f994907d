/** What an agent tells of itself on its local socket: JSON for `veilmq agent status`, and metrics. No topic names. */
import { z } from "zod";
import { addCounter, addGauge, Registry, type Sample } from "../../core/runtime/metrics.ts";

/** `GET /status`. Counts are since the start of the process unless said otherwise. */
export const agentStatusSchema = z.object({
  tenant: z.string(),
  client: z.string(),
  /** What readings are sealed for now. */
  epoch: z.number(),
  ports: z.array(
    z.object({
      index: z.number(),
      path: z.string(),
      profile: z.string(),
      /** `lost`: it was open or could not be opened, and is tried again. */
      state: z.enum(["waiting", "open", "lost"]),
      error: z.string().optional(),
      /** Nothing valid came for as long as it may: see alert.ts. */
      silent: z.boolean(),
      frames: z.number(),
      /** Frames that the profile could not read. */
      invalid: z.number(),
      /** Thrown away by the framing. */
      droppedFrames: z.number(),
      droppedBytes: z.number(),
      /** The newest record on disk of this port's topic, as consumers call it: `kid:seq`. */
      newest: z.string().optional(),
    }),
  ),
  /** Readings on disk: what the agent answers for. */
  taken: z.number(),
  /** Readings that came and were not taken. */
  refused: z.number(),
  /** Records that a bridge has acknowledged. */
  acknowledged: z.number(),
  /** Entries in the outbox that are not acknowledged, of earlier runs too. */
  pending: z.number(),
  /** Entries in `rejected/`, of earlier runs too. */
  rejected: z.number(),
  /** Taken records that were dropped at the outbox's bound. */
  dropped: z.number(),
  /** Why no readings are being taken, if so. */
  trouble: z.string().optional(),
  uplink: z.object({
    state: z.enum(["stopped", "connecting", "connected", "waiting", "refused", "revoked"]),
    /** Code and sentence of why there is no connection. */
    lastError: z.object({ code: z.string(), message: z.string() }).optional(),
    window: z.number(),
  }),
  outbox: z.object({
    bytes: z.number(),
    records: z.number(),
    /** Of these, sealed for an older epoch: on their way before all newer ones, or with no key left to send them. */
    older: z.object({ waiting: z.number(), stranded: z.number() }),
  }),
});
export type AgentStatus = z.output<typeof agentStatusSchema>;

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
