/** `veilmq consume TOPIC…`: the analyst's command. */
import type { Command } from "commander";

interface ConsumeFlags {
  readonly credential: string;
  readonly state?: string;
  readonly output?: string;
  readonly rejects?: string;
  readonly wait?: true;
  readonly verbose?: true;
}

export function addConsume(program: Command): void {
  program
    .command("consume")
    .description("read topics: one opened record a line, as NDJSON on stdout")
    .argument("<topic...>", "names of topics that your credential is granted")
    .requiredOption(
      "--credential <file>",
      "your credential, as `veilmq kms enrol` made it (mode 0600)",
    )
    .option(
      "--state <dir>",
      "where it remembers what was read (default: below ~/.local/state/veilmq)",
    )
    .option(
      "--output <file>",
      "write to a file instead, each record exactly once, also over kill -9",
    )
    .option("--rejects <file>", "write what cannot be opened there: partition, offset and reason")
    .option("--wait", "wait for topics that are not there yet")
    .option("--verbose", "say on stderr what it does")
    .addHelpText(
      "after",
      `
A line is {"id","topic","producer","time","pack","partition","offset"}: "pack" holds the readings as SenML
records (RFC 8428), "time" is the device's clock in milliseconds since 1970, "id" names the record for ever.

It resumes where it stopped. A clean stop (Ctrl-C, SIGTERM) repeats nothing; after kill -9 stdout may repeat
lines since the last checkpoint, --output does not.

Exit codes: 0 stopped, 4 "Topic not found" (or not granted to you: the two look the same), 5 revoked.

Examples:
  veilmq consume greenhouse/north/climate --credential analyst.cred.json
  veilmq consume a/b c/d --credential analyst.cred.json --wait --output readings.ndjson`,
    )
    .action(async (topics: string[], flags: ConsumeFlags) => {
      const { consume } = await import("../consume.ts");
      process.exitCode = await consume(topics, flags);
    });
}
