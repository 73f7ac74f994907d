/** What an agent tells of itself on its local socket, as JSON for `veilmq agent status`. No topic names. */
import { z } from "zod";
import type { Outbox } from "./outbox/outbox.ts";
import type { Port } from "./port.ts";
import type { Topics } from "./topics.ts";
import type { Lanes } from "./uplink/lanes.ts";
import type { Uplink } from "./uplink/uplink.ts";

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

/** What a status tells of. */
export interface StatusParts {
  readonly tenant: string;
  readonly client: string;
  readonly ports: readonly Port[];
  readonly topics: Pick<Topics, "taken" | "refused" | "trouble" | "intakeOf">;
  readonly outbox: Pick<Outbox, "depth" | "bytes" | "rejectedRecords" | "droppedRecords">;
  readonly lanes: Pick<Lanes, "epoch" | "older">;
  readonly uplink: Pick<Uplink, "state" | "window" | "acknowledged" | "lastError">;
}

/** The status of this moment. */
export function statusOf(parts: StatusParts): AgentStatus {
  const { tenant, client, ports, topics, outbox, lanes, uplink } = parts;
  const { trouble } = topics;
  const { lastError } = uplink;
  return {
    tenant,
    client,
    epoch: lanes.epoch,
    ports: ports.map((port, index) => portStatus(port, index, topics)),
    taken: topics.taken,
    refused: topics.refused,
    acknowledged: uplink.acknowledged,
    pending: outbox.depth,
    rejected: outbox.rejectedRecords,
    dropped: outbox.droppedRecords,
    ...(trouble ? { trouble: trouble.message } : {}),
    uplink: {
      state: uplink.state,
      ...(lastError ? { lastError: { code: lastError.code, message: lastError.message } } : {}),
      window: uplink.window,
    },
    outbox: { bytes: outbox.bytes, records: outbox.depth, older: lanes.older() },
  };
}

function portStatus(
  port: Port,
  index: number,
  topics: StatusParts["topics"],
): AgentStatus["ports"][number] {
  const { frames, invalid, dropped } = port.counts;
  const { error } = port;
  const newest = topics.intakeOf(port.topic)?.newest;
  return {
    index,
    path: port.path,
    profile: port.profileName,
    state: port.state,
    silent: port.isSilent,
    ...(error ? { error: error.message } : {}),
    frames,
    invalid,
    droppedFrames: dropped.frames,
    droppedBytes: dropped.bytes,
    ...(newest === undefined ? {} : { newest }),
  };
}
