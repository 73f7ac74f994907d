/** What an agent tells of itself on its local socket, as JSON for `veilmq agent status`. No topic names. */
import { z } from "zod";

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
