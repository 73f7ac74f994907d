/** `veilmq bridge check`: findings a line each. */
import { checkBridge } from "../bridge/check/check.ts";
import type { Finding } from "../bridge/check/finding.ts";
import { loadBridgeConfig } from "../bridge/config.ts";
import { createLog } from "../core/runtime/log.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printJson, printLine } from "./messages.ts";

export interface CheckFlags {
  readonly config: string;
  readonly json?: true;
  readonly strict?: true;
}

/** Returns what the process should end with. Throws CONFIG with all problems of the file itself. */
export async function checkBridgeConfig({ config, json, strict }: CheckFlags): Promise<ExitCode> {
  // What a connection meets on the way is in the findings.
  const log = createLog("bridge", "silent");
  const findings = await checkBridge(await loadBridgeConfig(config), log);
  if (json) printJson({ findings });
  else for (const finding of findings) printLine(lineOf(finding));
  const isBad = findings.some(
    ({ severity }) => severity === "error" || (strict && severity === "warning"),
  );
  return isBad ? EXIT.ERROR : EXIT.OK;
}

function lineOf({ severity, subject, message, hint }: Finding): string {
  const line = `${severity.padEnd(7)} ${subject}: ${message}`;
  return hint === undefined || severity === "ok" ? line : `${line}\n        hint: ${hint}`;
}
