/** `veilmq kms enrol`. */
import type { Command } from "commander";
import type { AddressFlags } from "../bridge-addresses.ts";
import { printJson, printLine } from "../messages.ts";
import {
  addPostOptions,
  addTenantOptions,
  type PostFlags,
  postIfAsked,
  type TenantFlags,
  tenantOf,
  timeOption,
} from "../tenant-options.ts";

interface EnrolFlags extends TenantFlags, PostFlags, AddressFlags {
  readonly publish?: string[];
  readonly subscribe?: string[];
  readonly signs?: true;
  readonly validUntil?: number;
  readonly again?: true;
  readonly newSigningKey?: true;
  readonly out?: string;
}

export function addEnrol(kms: Command): void {
  const command = kms
    .command("enrol")
    .description("make a client's credential, and the documents that admit it")
    .argument("<client>", "its name: a-z 0-9 . _ -")
    .option("--publish <topic...>", "topics it may publish")
    .option("--subscribe <topic...>", "topics it may read")
    .option("--signs", "every record it publishes carries a signature")
    .option("--valid-until <date>", "when its topics end, such as 2027-12-31 (UTC)", timeOption)
    .option("--mqtt <url...>", "the bridge for devices, where it is not the one given at init")
    .option("--http <url...>", "the bridge for consumers, likewise")
    .option("--ca <file>", "PEM of the only authority it trusts there, likewise")
    .option("--out <file>", "where the credential goes")
    .option("--again", "it is enrolled already: end its old credential")
    .option("--new-signing-key", "with --again: readings it sent before cannot be opened any more");
  addPostOptions(addTenantOptions(command))
    .addHelpText(
      "after",
      `
The credential (mode 0600) holds the client's keys: bring it to the client by a way you trust, and keep no copy. The
client is admitted when the bridge has the documents. A topic is 1 to 1,024 bytes of any text.

Examples:
  veilmq kms enrol pi-01 --publish plant/boiler/temperature plant/boiler/pressure
  veilmq kms enrol desk --subscribe plant/boiler/temperature --valid-until 2027-12-31
  veilmq kms enrol pi-01 --again --publish plant/boiler/temperature --bridge https://bridge:8443 --bridge-ca ca.pem`,
    )
    .action(enrolClient);
}

async function enrolClient(client: string, flags: EnrolFlags): Promise<void> {
  const { readAddresses } = await import("../bridge-addresses.ts");
  const { withTenant } = await import("../../kms/tenant.ts");
  const { enrol } = await import("../../kms/enrol.ts");
  const addresses = await readAddresses(flags);
  const enrolled = await withTenant(await tenantOf(flags), (tenant) =>
    enrol(tenant, {
      client,
      publish: flags.publish ?? [],
      subscribe: flags.subscribe ?? [],
      signs: flags.signs ?? false,
      validUntilMs: flags.validUntil,
      addresses,
      again: flags.again ?? false,
      newSigningKey: flags.newSigningKey ?? false,
      credentialPath: flags.out,
    }),
  );
  if (flags.json) printJson(enrolled);
  else {
    const { publish, subscribe, serial } = enrolled;
    const word = enrolled.again ? "enrolled again" : "enrolled";
    printLine(`${client} ${word}: publish ${publish}, subscribe ${subscribe}, serial ${serial}`);
    printLine(`credential: ${enrolled.credential}`);
    printLine(`documents:  ${enrolled.bundle}`);
  }
  await postIfAsked(flags, enrolled.bundle);
}
