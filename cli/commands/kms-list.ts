/** `veilmq kms list`. */
import type { Command } from "commander";
import type { ListedClient } from "../../kms/list.ts";
import { printJson, printLine } from "../messages.ts";
import { addTenantOptions, type TenantFlags, tenantOf } from "../tenant-options.ts";

interface ListFlags extends TenantFlags {
  readonly topics?: true;
}

export function addList(kms: Command): void {
  const command = kms
    .command("list")
    .description("the clients, with their status and how many topics they have")
    .option("--topics", "name the topics too");
  addTenantOptions(command)
    .addHelpText("after", "\nExamples:\n  veilmq kms list\n  veilmq kms list --topics --json")
    .action(list);
}

async function list(flags: ListFlags): Promise<void> {
  const { openTenant } = await import("../../kms/tenant.ts");
  const { listClients } = await import("../../kms/list.ts");
  const clients: ListedClient[] = [];
  for await (const client of listClients(await openTenant(await tenantOf(flags))))
    clients.push(client);
  if (flags.json) printJson(clients.map((client) => asJson(client, flags.topics === true)));
  else for (const line of table(clients, flags.topics === true)) printLine(line);
}

function asJson({ topics, ...rest }: ListedClient, withTopics: boolean): object {
  return withTopics ? { ...rest, topics } : rest;
}

function table(clients: readonly ListedClient[], withTopics: boolean): string[] {
  const width = Math.max(6, ...clients.map(({ client }) => client.length));
  const row = (client: string, ...rest: string[]): string =>
    [client.padEnd(width), ...rest].join("  ");
  const lines = [row("CLIENT", "STATUS ", "PUBLISH", "SUBSCRIBE", "SERIAL", "EPOCHS")];
  for (const { client, status, publish, subscribe, serial, epochs, topics } of clients) {
    const counts = [String(publish).padStart(7), String(subscribe).padStart(9)];
    const numbers = [String(serial).padStart(6), epochs.join(",")];
    lines.push(row(client, status.padEnd(7), ...counts, ...numbers));
    if (withTopics) lines.push(...topics.map(({ name, ops }) => `  ${ops.join("+")} ${name}`));
  }
  return lines;
}
