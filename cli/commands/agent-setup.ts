/** `veilmq agent check|import`: before an agent runs. */
import type { Command } from "commander";
import type { ImportOptions } from "../agent-import.ts";

export function addCheck(agent: Command): void {
  agent
    .command("check")
    .description("look at everything an agent needs, all at once, and change nothing")
    .requiredOption("--config <file>", "agent.yaml")
    .option("--json", "a JSON array instead of text")
    .addHelpText(
      "after",
      `
A line for each: configuration, profiles, credential, ports, clock, disk, bridges. \`warn\` will run, and somebody should
look; \`FAIL\` will not, and makes the exit code 1. The ports are opened for a moment, and the bridge is logged in to,
unless the agent runs: then it is asked.

Example:
  veilmq agent check --config agent.yaml`,
    )
    .action(async (options: { config: string; json?: true }) => {
      const { check } = await import("../agent-check.ts");
      process.exitCode = await check(options);
    });
}

export function addImport(agent: Command): void {
  agent
    .command("import")
    .description("put a credential where the agent finds it, mode 0600")
    .argument("<credential>", "from `veilmq kms enrol`, as it is or in an age file; - is stdin")
    .option("--config <file>", "agent.yaml: to where it names its credential")
    .option("--to <path>", "to this file instead")
    .option("--passphrase-file <file>", "of the age file; otherwise it is asked for")
    .option("--force", "also over an older or another client's credential")
    .addHelpText(
      "after",
      `
It is checked before anything is replaced. A credential holds the keys of the device: carry it in an age file under a
passphrase (\`age -p\`), and remove what it was carried in.

Examples:
  veilmq agent import probe-1.cred.json --config agent.yaml
  ssh owner@office cat probe-1.cred.age | veilmq agent import - --to /etc/veilmq/probe-1.cred.json --passphrase-file p`,
    )
    .action(async (file: string, options: ImportOptions) => {
      const { importCredential } = await import("../agent-import.ts");
      await importCredential(file, options);
    });
}
