/** The demo's consumer: `veilmq consume` for all its topics, with a folder of its own. */
import { join } from "node:path";
import { makeFolder } from "../core/runtime/files.ts";
import type { GuardedProcess } from "./guarded-process.ts";
import { veilmqDaemon } from "./veilmq.ts";

export interface DemoConsumerOptions {
  readonly name: string;
  /** Holds its log and its state. */
  readonly folder: string;
  readonly credential: string;
  readonly topics: readonly string[];
  /** As `--config`. */
  readonly config?: string | undefined;
  /** It writes to these files; without them to its stdout, which is piped. */
  readonly files?: { readonly output: string; readonly rejects: string };
  /** Such as "2s"; the command's default otherwise. */
  readonly mailEvery?: string;
}

/** Makes its folder; the process is not started yet. */
export async function demoConsumer(options: DemoConsumerOptions): Promise<GuardedProcess> {
  const { name, folder, credential, topics, files, config, mailEvery } = options;
  await makeFolder(folder);
  const flags = ["--credential", credential, "--state", join(folder, "state"), "--wait"];
  if (config !== undefined) flags.push("--config", config);
  if (files) flags.push("--output", files.output, "--rejects", files.rejects);
  if (mailEvery !== undefined) flags.push("--mail-every", mailEvery);
  return veilmqDaemon({
    name,
    args: ["consume", ...topics, ...flags, "--verbose"],
    logFile: join(folder, "consumer.log"),
    pipeStdout: files === undefined,
  });
}
