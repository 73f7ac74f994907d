/** Looks at everything an agent needs before it runs, for `veilmq agent check`. */
import { checkAgent } from "../agent/device/checking/checks.ts";
import type { Finding } from "../agent/device/checking/finding.ts";
import { inspectAgentFile, socketPathOf } from "../agent/device/config.ts";
import { type AgentStatus, agentStatusSchema } from "../agent/device/status.ts";
import { isVeilError } from "../core/errors.ts";
import { askLocal } from "../core/runtime/local-http.ts";
import { parseJson } from "../core/wire/fields.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printJson, printLine } from "./messages.ts";

/** A line for each thing; what the process should end with. */
export async function check({ config, json }: { config: string; json?: true }): Promise<ExitCode> {
  const view = await inspectAgentFile(config);
  const findings = await checkAgent(config, view, await running(config));
  if (json) printJson(findings);
  else for (const finding of findings) printLine(lineOf(finding));
  return findings.some(({ level }) => level === "FAIL") ? EXIT.ERROR : EXIT.OK;
}

async function running(config: string): Promise<AgentStatus | null> {
  try {
    return parseJson(await askLocal(await socketPathOf(config), "/status"), agentStatusSchema);
  } catch (error) {
    if (isVeilError(error)) return null;
    throw error;
  }
}

/** The lines of a long text are kept together by a margin. */
function lineOf({ level, what, text }: Finding): string {
  return `${level.padEnd(4)}  ${what.padEnd(13)}  ${text.replaceAll("\n", `\n${" ".repeat(21)}`)}`;
}
