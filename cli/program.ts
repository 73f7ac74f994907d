/** The whole command line, as an object. Each file of commands/ adds its own. */
import { createRequire } from "node:module";
import { Command } from "commander";
import { addAgent } from "./commands/agent.ts";
import { addBridge } from "./commands/bridge.ts";
import { addConsume } from "./commands/consume.ts";
import { addDashboard } from "./commands/dashboard.ts";
import { addKms } from "./commands/kms.ts";
import { addVectors } from "./commands/vectors.ts";
import { reportError, USAGE_HINT } from "./messages.ts";

const manifest: { version: string } = createRequire(import.meta.url)("veilmq/package.json");

/**
 * Does what the arguments of `veilmq` say, and returns when that is done. What the process should end with is in
 * `process.exitCode`.
 */
export async function runCommand(args: readonly string[]): Promise<void> {
  try {
    await makeProgram().parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode = reportError(error, { json: args.includes("--json") });
  }
}

function makeProgram(): Command {
  // Commands inherit these settings, so they must be made before the commands are.
  const program = new Command("veilmq")
    .description(
      "Sensor readings over MQTT and Kafka whose operators learn neither topics nor readings",
    )
    .version(manifest.version)
    .helpOption("-h, --help", "show what the command takes")
    .addHelpText(
      "after",
      `
Data goes to stdout, all else to stderr. Where a command takes --json, a failure is also a last line on stderr, such as
{"error":{"code":"NOT_FOUND","message":"…","hint":"…","retryable":false}}.

Examples, one for each party:
  veilmq kms init acme --bridge-recipient age1…          # the owner: keys, then clients and topics
  veilmq bridge run --config /etc/veilmq/bridge.yaml     # the operator
  veilmq agent run --config /etc/veilmq/agent.yaml       # in the field
  veilmq consume plant/boiler/temperature --credential desk.cred.json`,
    )
    .configureOutput({ outputError: (text, write) => write(`veilmq: ${text}`) })
    .showHelpAfterError(`veilmq: hint: ${USAGE_HINT}`)
    .exitOverride();

  addKms(program);
  addAgent(program);
  addBridge(program);
  addConsume(program);
  addDashboard(program);
  addVectors(program);
  return program;
}
