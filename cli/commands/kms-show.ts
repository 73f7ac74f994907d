/** `veilmq kms show`. */
import type { Command } from "commander";
import type { ShownClient, ShownTenant } from "../../kms/show.ts";
import { printJson, printLine } from "../messages.ts";
import { addTenantOptions, type TenantFlags, tenantOf } from "../tenant-options.ts";
import { DAY_MS, dateOf, dueOf, suiteOf, untilOf } from "./kms-times.ts";

export function addShow(kms: Command): void {
  const command = kms
    .command("show")
    .description("what the owner knows: of the tenant, or of one client with its topics")
    .argument("[client]", "its name");
  addTenantOptions(command)
    .addHelpText(
      "after",
      `
Nothing of it is secret but the topics' names. What a bridge has may be older: until it has the documents.

Examples:
  veilmq kms show
  veilmq kms show pi-01
  veilmq kms show pi-01 --json | jq -r '.topics[] | select(.state == "ended") | .name'`,
    )
    .action(show);
}

async function show(client: string | undefined, flags: TenantFlags): Promise<void> {
  const { openTenant } = await import("../../kms/tenant.ts");
  const { showClient, showTenant } = await import("../../kms/show.ts");
  const tenant = await openTenant(await tenantOf(flags));
  const shown = client === undefined ? await showTenant(tenant) : await showClient(tenant, client);
  if (flags.json) printJson(shown);
  else for (const line of "client" in shown ? ofClient(shown) : ofTenant(shown)) printLine(line);
}

function ofTenant(shown: ShownTenant): string[] {
  const { kafka } = shown;
  return [
    `tenant      ${shown.tenant}, since ${dateOf(shown.createdAtMs)}`,
    ...shown.epochs.map((epoch) => `epoch ${String(epoch.epoch).padEnd(5)} ${untilOf(epoch)}`),
    ...(shown.next ? [`next        ${dueOf(shown.next)}`] : []),
    `KMS key     ${shown.kmsPublicKey}`,
    `serial      ${shown.serial}`,
    `clients     ${shown.clients}`,
    `Kafka       ${kafka.partitions} partition(s), ${kafka.retentionMs / DAY_MS} days`,
    ...shown.recipients.map((recipient) => `recipient   ${recipient}`),
    ...[...shown.mqtt, ...shown.http].map((url) => `bridge      ${url}`),
  ];
}

function ofClient(shown: ShownClient): string[] {
  const width = Math.max(5, ...shown.topics.map(({ name }) => name.length));
  const row = (...[name = "", ...rest]: string[]): string =>
    [name.padEnd(width), ...rest.map((text, index) => text.padEnd([7, 10, 11][index] ?? 0))]
      .join("  ")
      .trimEnd();
  return [
    `client      ${shown.client}, ${shown.status}, since ${dateOf(shown.changedAtMs)}`,
    `serial      ${shown.serial}`,
    ...shown.epochs.map(
      (epoch) =>
        `epoch ${String(epoch.epoch).padEnd(5)} ${suiteOf(epoch)}, ${epoch.reads ? "has" : "has not"} a key to read with`,
    ),
    `signs       ${shown.signs ? "every record" : "no"}`,
    `group       ${shown.group}`,
    "",
    row("TOPIC", "OPS", "VALID FROM", "VALID UNTIL", "STATE"),
    ...shown.topics.map(({ name, ops, validFromMs, validUntilMs, state }) =>
      row(name, ops.join("+"), dateOf(validFromMs), dateOf(validUntilMs), state),
    ),
  ];
}
