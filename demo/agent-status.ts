/** What an agent says of itself, asked on its local socket. */
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { VeilError } from "../core/errors.ts";

const DEADLINE_MS = 2000;

const statusSchema = z.looseObject({
  /** Readings on disk, which the agent answers for. */
  taken: z.number(),
  /** Records that the bridge has acknowledged. */
  acknowledged: z.number(),
  pending: z.number(),
});
export type AgentStatus = z.output<typeof statusSchema>;

/** Throws UNAVAILABLE if nobody answers on `socketPath`. */
export async function agentStatus(socketPath: string): Promise<AgentStatus> {
  const body = await new Promise<string>((resolve, reject) => {
    const failed = (cause: unknown): void =>
      reject(new VeilError("UNAVAILABLE", "the agent does not answer on its socket", { cause }));
    const call = request({ socketPath, path: "/status", timeout: DEADLINE_MS }, (response) => {
      text(response).then(resolve, failed);
    });
    call.on("timeout", () => call.destroy(new Error("timeout")));
    call.on("error", failed);
    call.end();
  });
  return statusSchema.parse(JSON.parse(body));
}
