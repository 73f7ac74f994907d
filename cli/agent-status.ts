/** Asks a running device agent for `veilmq agent status`. */
import { socketPathOf } from "../agent/device/config.ts";
import { type AgentStatus, agentStatusSchema } from "../agent/device/status.ts";
import { VeilError } from "../core/errors.ts";
import { askLocal } from "../core/runtime/local-http.ts";
import { parseJson } from "../core/wire/fields.ts";
import { printJson, printLine } from "./messages.ts";

export interface StatusOptions {
  readonly config?: string;
  readonly socket?: string;
  readonly json?: true;
}

/** Asks a running agent. Throws UNAVAILABLE where none answers. */
export async function printAgentStatus(options: StatusOptions): Promise<void> {
  const socket = options.socket ?? (options.config && (await socketPathOf(options.config)));
  if (!socket)
    throw new VeilError("BAD_ARGUMENT", "which agent?", {
      hint: "give --config FILE or --socket PATH",
    });
  const status = parseJson(await askLocal(socket, "/status"), agentStatusSchema);
  if (options.json) printJson(status);
  else for (const line of describe(status)) printLine(line);
}

function* describe(status: AgentStatus): Generator<string> {
  const { uplink, outbox } = status;
  yield `${status.client} of ${status.tenant}`;
  for (const port of status.ports) {
    const error = port.error === undefined ? "" : ` (${port.error})`;
    yield `port ${port.index}  ${port.path}  ${port.profile}  ${port.state}${port.silent ? ", silent" : ""}${error}`;
    yield `        ${port.frames} frames, ${port.invalid} of them unreadable; ${port.droppedBytes} bytes of noise`;
    if (port.newest !== undefined) yield `        newest on disk: ${port.newest}`;
  }
  yield `readings  ${status.taken} taken, ${status.refused} refused`;
  if (status.trouble !== undefined) yield `          none at the moment: ${status.trouble}`;
  yield `records   ${status.acknowledged} acknowledged, ${status.pending} waiting, ${status.rejected} rejected, ${status.dropped} dropped`;
  const why = uplink.lastError ? ` (${uplink.lastError.code}: ${uplink.lastError.message})` : "";
  yield `uplink    ${uplink.state}${why}, window ${uplink.window}`;
  yield `outbox    ${outbox.records} entries, ${outbox.bytes} bytes on disk`;
  yield `keys      epoch ${status.epoch}`;
  const { waiting, stranded } = outbox.older;
  if (waiting > 0) yield `          ${waiting} entries of an older epoch are on their way`;
  if (stranded > 0)
    yield `          ${stranded} entries cannot be sent any more: their epoch is over`;
}
