/** What `npm run demo -- paper …` takes. */
import { Command, InvalidArgumentError } from "commander";

export interface PaperOptions {
  readonly intervalMs: number;
  /** Records of one producer. */
  readonly records: number;
  readonly json: boolean;
  /** Keep everything there; otherwise a temporary folder, removed at the end. */
  readonly keep: string | null;
  /** Use the cluster behind this ZooKeeper instead of an embedded one. */
  readonly zookeeper: string | null;
}

/** Listing 12. */
const REPORT_INTERVAL_MS = 4000;
const REPORT_RECORDS = 10;
/** Figure 4.6 needs one before the consumer stops, one while it is away and one after it. */
const MIN_RECORDS = 3;

/** Throws a CommanderError for help, and for anything it does not know. */
export function parsePaperOptions(argv: readonly string[]): PaperOptions {
  const command = new Command("npm run demo -- paper")
    .description(
      "replay chapter 4 of the report: its names, its producer, match and consumer, three brokers",
    )
    .option("--interval <ms>", "between two records of a producer", from(0), REPORT_INTERVAL_MS)
    .option("--records <n>", "records of one producer", from(MIN_RECORDS), REPORT_RECORDS)
    .option("--json", "a last line on stdout that says what was seen")
    .option("--keep <dir>", "leave all data and logs in this folder")
    .option(
      "--zookeeper <host:port>",
      "use an existing cluster (plaintext) instead of starting one; the replay's topics are deleted at the end",
    )
    .addHelpText(
      "after",
      `
Figures 4.1 to 4.7 as they happen, then a table of the report beside this run. Exit 0 only if all of it held.
At the report's 4000 ms it takes about two minutes.
--json prints {"figures":[{"figure","held","run"}],"topics","trapdoor","answer","latest"}.

Examples:
  npm run demo -- paper
  npm run demo -- paper --interval 50 --json`,
    )
    .allowExcessArguments(false)
    .exitOverride()
    .parse(argv, { from: "user" });
  const flags = command.opts();
  return {
    intervalMs: flags["interval"],
    records: flags["records"],
    json: flags["json"] === true,
    keep: flags["keep"] ?? null,
    zookeeper: flags["zookeeper"] ?? null,
  };
}

function from(minimum: number): (text: string) => number {
  return (text) => {
    const value = text === "" ? Number.NaN : Number(text);
    if (!Number.isSafeInteger(value) || value < minimum)
      throw new InvalidArgumentError(`It must be a whole number from ${minimum}.`);
    return value;
  };
}
