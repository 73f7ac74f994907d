/** `veilmq bridge check|clients|topics`: what an operator asks, day by day. */
import type { Command } from "commander";
import type { ClientsFlags, TopicsFlags } from "../bridge-admin.ts";
import type { CheckFlags } from "../check-bridge.ts";

const ADMIN = "http://127.0.0.1:9464";

export function addOperate(bridge: Command): void {
  addCheck(bridge);
  addClients(bridge);
  addTopics(bridge);
}

function addCheck(bridge: Command): void {
  bridge
    .command("check")
    .description("look for everything that is wrong or weak, without starting or changing anything")
    .requiredOption("--config <file>", "bridge.yaml")
    .option("--json", "one JSON object: {findings: [{severity, subject, message, hint}]}")
    .option("--strict", "warnings count as errors")
    .addHelpText(
      "after",
      `
It reads the configuration and the files that it names (modes, certificates and when they expire), asks ZooKeeper and
Kafka, and holds the settings of every veil- topic, the brokers and Kafka's ACLs against what bridges rely on and the
owners' heads say. A topic with weaker settings is an error.
Run it as the user that the bridge runs as. Exit codes: 0 no errors, 1 errors, or warnings with --strict.

Examples:
  veilmq bridge check --config /etc/veilmq/bridge.yaml
  veilmq bridge check --config bridge.yaml --json | jq -r '.findings[] | select(.severity != "ok") | .message'`,
    )
    .action(async (flags: CheckFlags) => {
      const { checkBridgeConfig } = await import("../check-bridge.ts");
      process.exitCode = await checkBridgeConfig(flags);
    });
}

function addClients(bridge: Command): void {
  bridge
    .command("clients")
    .description("list the clients that a bridge has seen: when, how fast, and their last refusal")
    .option("--admin <url>", "the bridge's admin listener", ADMIN)
    .option("--ca <file>", "PEM of the authority behind its certificate")
    .option("--tenant <name>", "of one tenant")
    .option("--json", "one JSON object a line")
    .addHelpText(
      "after",
      `
It knows what this one bridge has seen since it started: ask each replica. Rates are those of the last 10 seconds.
Columns are separated by tabs: client, connected or away, when seen, publishes or requests a second, last refusal.

Examples:
  veilmq bridge clients
  veilmq bridge clients --tenant acme --json | jq -r 'select(.lastRefusal != null) | .client'`,
    )
    .action(async (flags: ClientsFlags) => {
      const { listClients } = await import("../bridge-admin.ts");
      await listClients(flags);
    });
}

function addTopics(bridge: Command): void {
  bridge
    .command("topics")
    .description("list Kafka topics that no client may use any more, and delete them")
    .requiredOption("--orphaned", "those that no client of any tenant is granted")
    .option("--admin <url>", "the bridge's admin listener", ADMIN)
    .option("--ca <file>", "PEM of the authority behind its certificate")
    .option("--delete", "delete them, with what is left in them; needs --config")
    .option("--config <file>", "bridge.yaml, for the login to Kafka")
    .option("--force", "delete also where the bridge does not know all tenants of this Kafka")
    .option("--json", "one JSON object a line")
    .addHelpText(
      "after",
      `
A topic is orphaned when its clients are revoked, its grants taken away, or its epoch is over. Its records stay until
their retention ends: wait as long before you delete, or somebody granted anew misses them. A bridge that serves only
some of the tenants of a Kafka takes the others' topics for orphans: it notices, and --delete refuses.

Examples:
  veilmq bridge topics --orphaned
  veilmq bridge topics --orphaned --delete --config /etc/veilmq/bridge.yaml`,
    )
    .action(async (flags: TopicsFlags) => {
      const { orphanedTopics } = await import("../bridge-admin.ts");
      await orphanedTopics(flags);
    });
}
