/** What `npm run demo -- …` takes. */
import { Command, InvalidArgumentError } from "commander";

export interface DemoOptions {
  readonly brokers: 1 | 3;
  readonly sensors: number;
  /** Readings a second, of each sensor. */
  readonly rate: number;
  /** Stop when so many readings have arrived. */
  readonly once: number | null;
  readonly json: boolean;
  /** Keep everything there; otherwise a temporary folder, removed at the end. */
  readonly keep: string | null;
  /** Use the cluster behind this ZooKeeper instead of an embedded one. */
  readonly zookeeper: string | null;
}

const WATCHING_RATE = 2;
const COUNTING_RATE = 100;

/** Throws a CommanderError for help, and for anything it does not know. */
export function parseOptions(argv: readonly string[]): DemoOptions {
  const command = new Command("npm run demo --")
    .description(
      "the whole way of a reading on this machine: sensor, agent, bridge, Kafka, consumer",
    )
    .option("--once <n>", "stop when N readings have arrived; exit 0 only if all is well", positive)
    .option("--json", "a last line on stdout that says how it went")
    .option("--keep <dir>", "leave all data, logs and credentials in this folder")
    .option("--brokers <n>", "how many Kafka brokers to start: 1 or 3", brokerCount, 1)
    .option(
      "--sensors <n>",
      "how many simulated sensors, each with an agent of its own",
      positive,
      3,
    )
    .option("--rate <n>", "readings a second of each sensor", positive)
    .option("--zookeeper <host:port>", "use an existing cluster instead of starting one")
    .addHelpText(
      "after",
      `
Without --once it runs until Ctrl-C, shows, for the newest reading, what each party sees, and serves the dashboard.
--json prints {"sent","received","lost","duplicates","leaks","topics"}; "sent" is what the agents took.

Examples:
  npm run demo
  npm run demo -- --once 5000 --json
  npm run demo -- --brokers 3 --keep /tmp/veilmq-demo
  npm run demo -- paper --help     another demo: the report's chapter 4, replayed`,
    )
    .allowExcessArguments(false)
    .exitOverride()
    .parse(argv, { from: "user" });
  const flags = command.opts();
  const once = flags["once"] ?? null;
  return {
    once,
    brokers: flags["brokers"],
    sensors: flags["sensors"],
    rate: flags["rate"] ?? (once === null ? WATCHING_RATE : COUNTING_RATE),
    json: flags["json"] === true,
    keep: flags["keep"] ?? null,
    zookeeper: flags["zookeeper"] ?? null,
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number from 1.");
  return value;
}

function brokerCount(text: string): 1 | 3 {
  if (text === "1") return 1;
  if (text === "3") return 3;
  throw new InvalidArgumentError("It must be 1 or 3.");
}
