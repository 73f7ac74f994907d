/** `veilmq consume TOPIC…`: the analyst's command. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { FORMAT_NAMES } from "../../agent/consumer/format-names.ts";
import type { ConsumeFlags } from "../consume.ts";
import { parseDuration, parseFrom, parseUntil } from "../time-options.ts";

const HELP = `
A line of ndjson is {"id","topic","producer","time","pack","partition","offset"}: "pack" holds the readings as SenML
records (RFC 8428), "time" is the device's clock in milliseconds since 1970, "id" names the record for ever.

It resumes where it stopped. A clean stop (Ctrl-C, SIGTERM) repeats nothing; after kill -9 stdout may repeat
lines since the last checkpoint, --output does not. --exec and --webhook deliver at least once: what is not
accepted (exit code 0; an answer 2xx) is tried again, and nothing more is read meanwhile. What trying again will
not change ends it: no such command, an answer 401 or 403, another 3xx or 4xx but 408, 413, 425 and 429.

When the owner changes the keys, newer ones come by themselves: they replace the credential file, or are kept in
the --state folder where that cannot be written. Each topic is read across the change in order and without a gap.

Times of --from and --until are those at which Kafka took a record. A gap is told when a device's records are
missing between others, and when Kafka deleted some before they were read. Silence is told of what was really
read: not while Kafka is away or the output takes nothing.

Where the operator asks for logins of its own, they are in the file of --config (paths are relative to it):

  bridge: { cert: me.pem, key: me.key }                # a bridge that asks for certificates
  kafka:                                               # as in bridge.yaml
    tls: { ca: kafka-ca.pem }
    sasl: { mechanism: scram-sha-512, username: c-7f3a, passwordFile: kafka.password }

Exit codes: 0 stopped, 4 "Topic not found" (or not granted to you: the two look the same), 5 revoked.

Examples:
  veilmq consume --list --credential analyst.cred.json
  veilmq consume greenhouse/north/climate --credential analyst.cred.json --format pretty
  veilmq consume a/b c/d --credential analyst.cred.json --wait --output readings.ndjson --rejects rejects.ndjson
  veilmq consume a/b --credential analyst.cred.json --from 6h --until now --format csv > last-six-hours.csv
  veilmq consume a/b --credential analyst.cred.json --silence 5m --exec 'curl -sf --data-binary @- http://localhost/in'`;

const MAX_THREADS = 64;

export function addConsume(program: Command): void {
  const command = program
    .command("consume")
    .description("read topics: one opened record a line, as NDJSON on stdout")
    .argument("[topic...]", "names of topics that your credential is granted")
    .requiredOption(
      "--credential <file>",
      "your credential, as `veilmq kms enrol` made it (mode 0600)",
    )
    .option("--config <file>", "YAML: how the operator's bridge and Kafka want you to log in")
    .option("--list", "list what your credential may read, and end")
    .option("--json", "with --list: one JSON object a line")
    .option(
      "--state <dir>",
      "where it remembers what was read (default: below ~/.local/state/veilmq)",
    )
    .option(
      "--from <where>",
      "checkpoint (the default: where it stopped, else everything), beginning, latest, a time, or a duration ago",
      parseFrom,
    )
    .option("--until <time>", "end there: now, a time, or a duration from now", parseUntil)
    .addOption(
      new Option("--format <format>", "how readings are written")
        .choices(FORMAT_NAMES)
        .default("ndjson"),
    )
    .addOption(
      new Option(
        "--output <file>",
        "write to a file instead, each record exactly once, also over kill -9",
      ).conflicts(["exec", "webhook"]),
    )
    .option("--rejects <file>", "write what cannot be opened there: partition, offset and reason")
    .addOption(
      new Option(
        "--exec <command>",
        "run this for each few readings, NDJSON on its stdin",
      ).conflicts(["output", "webhook", "format"]),
    )
    .addOption(
      new Option("--webhook <url>", "post each few readings there, as a JSON array").conflicts([
        "output",
        "exec",
        "format",
      ]),
    )
    .option("--webhook-token-file <file>", "a bearer token for --webhook (mode 0600)")
    .option("--silence <duration>", "alert when a device is not heard for so long", parseDuration)
    .option("--alerts <file>", "write alerts there, too: silence and gaps, as NDJSON with names")
    .option(
      "--mail-every <duration>",
      "how often it asks for new keys, which the owner makes with `kms rotate` (default: 45s)",
      parseDuration,
    )
    .option("--threads <n>", "open records in so many threads beside this one", parseThreads, 0)
    .option("--wait", "wait for topics that are not there yet")
    .option("--verbose", "say on stderr what it does")
    .addHelpText("after", HELP)
    .action(async (topics: string[], flags: ConsumeFlags) => {
      if (topics.length === 0 && !flags.list)
        command.error("error: name a topic, or --list to see what you may read");
      const { consume, listTopics } = await import("../consume.ts");
      if (flags.list) await listTopics(flags);
      else process.exitCode = await consume(topics, flags);
    });
}

function parseThreads(text: string): number {
  const threads = Number(text);
  if (!/^[0-9]+$/.test(text) || threads > MAX_THREADS)
    throw new InvalidArgumentError(`It must be a whole number up to ${MAX_THREADS}.`);
  return threads;
}
