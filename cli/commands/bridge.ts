/** `veilmq bridge …`: the operator's commands. */
import type { Command } from "commander";
import { printLine, printNote } from "../messages.ts";

export function addBridge(program: Command): void {
  const bridge = program.command("bridge").description("the operator's side: matching and storing");
  addIdentity(bridge);
}

function addIdentity(bridge: Command): void {
  bridge
    .command("identity")
    .description("make the bridge's age identity and print its recipient, which the owner needs")
    .requiredOption("--out <file>", "where to put the identity, mode 0600; must not exist yet")
    .addHelpText(
      "after",
      `
The identity opens what owners seal for this bridge. All replicas of one operator share it.
The recipient (age1…) is public: give it to the owner for \`veilmq kms init --recipient\`.

Examples:
  veilmq bridge identity --out bridge.age
  veilmq bridge identity --out bridge.age > bridge.recipient`,
    )
    .action(async ({ out }: { out: string }) => {
      const { createIdentityFile } = await import("../identity-file.ts");
      printLine(await createIdentityFile(out));
      printNote(`the identity is in ${out}; keep a copy where it is safe`);
    });
}
