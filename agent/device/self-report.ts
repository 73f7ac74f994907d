/**
 * What the agent tells its owner of itself, from time to time: a reading like any other, sealed, on a topic that the owner
 * has granted. Nobody else learns how the device is.
 */
import { readFile, statfs } from "node:fs/promises";
import { uptime } from "node:os";
import type { Logger } from "../../core/runtime/log.ts";
import { type Moment, packTakenAt } from "../../core/wire/clock.ts";
import { type SenmlRecord, senmlRecordOf } from "../../core/wire/senml.ts";
import type { Reading } from "./sealing/sealer.ts";
import type { AgentStatus } from "./status.ts";

/** Of the processor, on a Pi and on most other boards; thousandths of a degree. */
const TEMPERATURE_FILE = "/sys/class/thermal/thermal_zone0/temp";

export interface SelfReportOptions {
  readonly intervalMs: number;
  readonly stateDir: string;
  readonly read: () => AgentStatus;
  readonly clock: { stamp(): Moment };
  readonly intake: { offer(reading: Reading): Promise<void> };
  readonly log: Logger;
}

export class SelfReport {
  readonly #options: SelfReportOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SelfReportOptions) {
    this.#options = options;
  }

  /** The first report is of the start. */
  start(): void {
    this.#timer = setInterval(() => void this.#tell(), this.#options.intervalMs);
    void this.#tell();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #tell(): Promise<void> {
    const { read, stateDir, clock, intake, log } = this.#options;
    try {
      const records = [...countsOf(read()), ...(await machineRecords(stateDir))];
      const moment = clock.stamp();
      const plaintext = Buffer.from(JSON.stringify(packTakenAt(records, moment)));
      await intake.offer({ plaintext, takenAtMs: moment.wallMs });
    } catch (error) {
      log.warn({ err: error }, "the agent's own state could not be told");
    }
  }
}

/** Counts are since the start, as in `veilmq agent status`; `uptime` says when that was. */
function countsOf(status: AgentStatus): SenmlRecord[] {
  const { ports, outbox } = status;
  const sum = (value: (port: AgentStatus["ports"][number]) => number): number =>
    ports.reduce((total, port) => total + value(port), 0);
  const counts: Record<string, number> = {
    taken: status.taken,
    refused: status.refused,
    acknowledged: status.acknowledged,
    waiting: status.pending,
    rejected: status.rejected,
    dropped: status.dropped,
    invalid: sum(({ invalid }) => invalid),
    "ports-open": sum(({ state }) => (state === "open" ? 1 : 0)),
    ports: ports.length,
  };
  return [
    ...Object.entries(counts).map(([name, value]) => senmlRecordOf(name, value, "count")),
    senmlRecordOf("outbox", outbox.bytes, "B"),
    senmlRecordOf("uplink", status.uplink.state),
    ...(status.trouble === undefined ? [] : [senmlRecordOf("trouble", status.trouble)]),
  ];
}

async function machineRecords(stateDir: string): Promise<SenmlRecord[]> {
  const disk = await statfs(stateDir);
  const temperature = await readFile(TEMPERATURE_FILE, "latin1").then(
    (text) => Number(text) / 1000,
    () => Number.NaN,
  );
  return [
    senmlRecordOf("uptime", Math.round(process.uptime()), "s"),
    senmlRecordOf("uptime-machine", Math.round(uptime()), "s"),
    senmlRecordOf("memory", process.memoryUsage.rss(), "B"),
    senmlRecordOf("disk-free", disk.bavail * disk.bsize, "B"),
    senmlRecordOf("disk", disk.blocks * disk.bsize, "B"),
    // Not every machine has one.
    ...(Number.isFinite(temperature) ? [senmlRecordOf("temperature", temperature, "Cel")] : []),
  ];
}
