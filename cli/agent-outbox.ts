/** Looks into, carries out and brings in an outbox, for `veilmq agent outbox …`. The agent must not be running. */
import { join } from "node:path";
import { type AgentSettings, loadAgentSettings } from "../agent/device/config.ts";
import { Outbox } from "../agent/device/outbox/outbox.ts";
import { type StreamSummary, summarize } from "../agent/device/outbox/summary.ts";
import { exportOutbox, importOutbox } from "../agent/device/outbox/transfer.ts";
import { isVeilError, VeilError } from "../core/errors.ts";
import { handBack } from "./hand-back.ts";
import { printHint, printJson, printLine, printNote } from "./messages.ts";

/** What waits, by stream. */
export async function showOutbox({ config, json }: { config: string; json?: true }): Promise<void> {
  await withOutbox(config, async (outbox) => {
    const streams = await summarize(outbox);
    const { bytes, depth, rejectedRecords: rejected } = outbox;
    if (json) {
      printJson({ bytes, entries: depth, rejected, streams });
      return;
    }
    printLine(`${depth} entries, ${bytes} bytes on disk, ${rejected} rejected`);
    for (const stream of streams) printLine(describe(stream));
  });
}

function describe(summary: StreamSummary): string {
  const { stream, epoch, records, announcements, oldestMs, newestMs } = summary;
  const [from, to] = [oldestMs, newestMs].map((ms) =>
    ms === null ? "–" : new Date(ms).toISOString(),
  );
  return `stream ${stream.slice(0, 8)}  epoch ${epoch ?? "–"}  ${records} records, ${announcements} key announcements  ${from} to ${to}`;
}

export async function exportTo(file: string, { config }: { config: string }): Promise<void> {
  await withOutbox(config, async (outbox, { credential: { tenant, client } }) => {
    const entries = await exportOutbox(outbox, file, { tenant, client });
    printNote(`${entries} entries of ${client} are in ${file}; the outbox keeps them too`);
  });
}

export async function importFrom(file: string, { config }: { config: string }): Promise<void> {
  await withOutbox(config, async (outbox, { credential: { tenant, client } }) => {
    const entries = await importOutbox(outbox, file, { tenant, client });
    printNote(`${entries} entries are in the outbox of ${client} now`);
    printHint("they are sent by `veilmq agent run`, with ports or with `ports: []`");
  });
}

async function withOutbox(
  config: string,
  work: (outbox: Outbox, settings: AgentSettings) => Promise<void>,
): Promise<void> {
  const settings = await loadAgentSettings(config);
  const { stateDir } = settings;
  const outbox = new Outbox({
    folder: join(stateDir, "outbox"),
    rejectedFolder: join(stateDir, "rejected"),
    ...settings.outbox,
    onReport: (report) => {
      if (report.event === "torn" || report.event === "dropped")
        printNote(`the outbox: ${JSON.stringify(report)}`);
    },
  });
  await outbox.start().catch((cause: unknown) => {
    if (!isVeilError(cause, "UNAVAILABLE")) throw cause;
    throw new VeilError("UNAVAILABLE", "the agent is running, and the outbox is its own", {
      hint: "ask it: veilmq agent status; or stop it first",
      cause,
    });
  });
  try {
    await work(outbox, settings);
  } finally {
    await outbox.stop();
    for (const name of ["outbox", "rejected"]) await handBack(stateDir, name);
  }
}
