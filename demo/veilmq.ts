/** The product as its users have it: the `veilmq` binary in processes of its own. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { VeilError } from "../core/errors.ts";
import { packageFile } from "../core/runtime/package.ts";
import { GuardedProcess } from "./guarded-process.ts";

const BINARY = packageFile("dist", "cli", "main.js");
const execute = promisify(execFile);

/** Runs a command to its end; its stdout. Throws UNAVAILABLE with what it said on stderr. */
export async function veilmq(args: readonly string[], signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await execute(process.execPath, [BINARY, ...args], { signal });
    return stdout;
  } catch (error) {
    if (signal.aborted) throw new VeilError("STOPPED", "interrupted");
    const stderr = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
    const name = args.slice(0, 2).join(" ");
    throw new VeilError("UNAVAILABLE", `veilmq ${name} failed: ${stderr.trim()}`);
  }
}

/** How Node is to run a process. */
export interface NodeSettings {
  readonly flags: readonly string[];
  /** The whole of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The file of `veilmq` itself; as compiled, unless given. */
  readonly program?: string;
}

/** A daemon, not started yet. */
export function veilmqDaemon(options: {
  readonly name: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly pipeStdout?: boolean;
  readonly node?: NodeSettings | undefined;
}): GuardedProcess {
  const { args, node, ...rest } = options;
  return new GuardedProcess({
    ...rest,
    command: [process.execPath, ...(node?.flags ?? []), node?.program ?? BINARY, ...args],
    ...(node && { env: node.env }),
  });
}
