/** `veilmq agent outbox show|export|import`. */
import type { Command } from "commander";

const CONFIG = "the agent.yaml of the agent, which must not be running";

export function addOutbox(agent: Command): void {
  const outbox = agent
    .command("outbox")
    .description("what a stopped agent keeps for the bridge: look, carry out, bring in");
  outbox
    .command("show")
    .description("count what waits, with its times")
    .requiredOption("--config <file>", CONFIG)
    .option("--json", "one JSON object instead of text")
    .addHelpText(
      "after",
      `
A stream is a topic in an epoch; its name is not shown. Times are the device's clock. Of a running agent ask
\`veilmq agent status\`.

Example:
  veilmq agent outbox show --config agent.yaml`,
    )
    .action(async (options: { config: string; json?: true }) => {
      const { showOutbox } = await import("../agent-outbox.ts");
      await showOutbox(options);
    });
  outbox
    .command("export")
    .description("write what waits to a file, sealed as it is")
    .argument("<file>", "a new file")
    .requiredOption("--config <file>", CONFIG)
    .addHelpText(
      "after",
      `
For a device that is far from any network: carry the file to where one is, and import it there with the same
credential. The outbox keeps everything; what is sent twice is dropped by the consumers.

Example:
  veilmq agent outbox export --config agent.yaml /media/usb/probe-1.outbox`,
    )
    .action(async (file: string, options: { config: string }) => {
      const { exportTo } = await import("../agent-outbox.ts");
      await exportTo(file, options);
    });
  outbox
    .command("import")
    .description("put what an export holds behind what waits")
    .argument("<file>", "what `veilmq agent outbox export` wrote")
    .requiredOption("--config <file>", `${CONFIG}; its credential must be of the same client`)
    .addHelpText(
      "after",
      `
An agent.yaml with \`ports: []\` sends what was imported, and takes nothing itself. While it does, the device itself must
not be connected: the bridge keeps one session for each client.

Examples:
  veilmq agent outbox import --config carrier.yaml /media/usb/probe-1.outbox
  veilmq agent run --config carrier.yaml`,
    )
    .action(async (file: string, options: { config: string }) => {
      const { importFrom } = await import("../agent-outbox.ts");
      await importFrom(file, options);
    });
}
