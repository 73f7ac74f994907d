/** The demo's dashboard: `veilmq dashboard` on a free loopback port. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../core/runtime/files.ts";
import type { GuardedProcess } from "./guarded-process.ts";
import { veilmqDaemon } from "./veilmq.ts";

const STALE_AFTER = "15s";
const ADDRESS = /^veilmq: the dashboard is at (http:\S+)$/gm;

export class DemoDashboard {
  readonly process: GuardedProcess;

  private constructor(process: GuardedProcess) {
    this.process = process;
  }

  /** Makes its folder; the process is not started yet. */
  static async make(options: {
    readonly folder: string;
    readonly credential: string;
    readonly zookeeper: string;
    readonly port?: number;
  }): Promise<DemoDashboard> {
    const { folder, credential, zookeeper, port = 0 } = options;
    await makeFolder(folder);
    const where = ["--port", String(port), "--zookeeper", zookeeper];
    const process = veilmqDaemon({
      name: "the dashboard",
      args: ["dashboard", "--credential", credential, ...where, "--stale-after", STALE_AFTER],
      logFile: join(folder, "dashboard.log"),
    });
    return new DemoDashboard(process);
  }

  /** Where it is, as it said last; null before. */
  async address(): Promise<string | null> {
    const log = await readFile(this.process.logFile, "utf8").catch(() => "");
    return [...log.matchAll(ADDRESS)].at(-1)?.[1] ?? null;
  }
}
