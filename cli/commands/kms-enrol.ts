/** `veilmq kms enrol`. */
import { type Command, Option } from "commander";
import type { AddressFlags } from "../bridge-addresses.ts";
import { printJson, printLine } from "../messages.ts";
import {
  addPostOptions,
  addTenantOptions,
  addTopicOptions,
  addValidityOptions,
  type PostFlags,
  postIfAsked,
  type TenantFlags,
  type TopicFlags,
  tenantOf,
  type ValidityFlags,
} from "../tenant-options.ts";
import { enrolFromCsv } from "./kms-enrol-csv.ts";

interface EnrolFlags extends TenantFlags, PostFlags, AddressFlags, TopicFlags, ValidityFlags {
  readonly csv?: string;
  readonly separator: string;
  readonly skipEnrolled?: true;
  readonly signs?: true;
  readonly again?: true;
  readonly newSigningKey?: true;
  readonly out?: string;
}

export function addEnrol(kms: Command): void {
  const command = kms
    .command("enrol")
    .description("make a client's credential, and the documents that admit it; or a fleet's")
    .argument("[client]", "its name: a-z 0-9 . _ -");
  addTopicOptions(command, { publish: "topics it may publish", subscribe: "topics it may read" });
  addValidityOptions(command)
    .option("--signs", "every record it publishes carries a signature")
    .option("--mqtt <url...>", "the bridge for devices, where it is not the one given at init")
    .option("--http <url...>", "the bridge for consumers, likewise")
    .option("--ca <file>", "PEM of the only authority it trusts there, likewise")
    .option("--out <path>", "the file of the credential; with --csv the folder of all of them")
    .option("--again", "it is enrolled already: end its old credential")
    .option("--new-signing-key", "with --again: readings it sent before cannot be opened any more")
    .addOption(
      new Option("--csv <file>", "enrol everybody in this list, see below").conflicts([
        "publish",
        "subscribe",
        "validFrom",
        "validUntil",
        "signs",
        "newSigningKey",
      ]),
    )
    .option("--separator <text>", "with --csv: what is between two topics", "|")
    .option("--skip-enrolled", "with --csv: who is enrolled already stays as it is");
  addPostOptions(addTenantOptions(command))
    .addHelpText("after", HELP)
    .action(async (client: string | undefined, flags: EnrolFlags) => {
      const { csv } = flags;
      if (client !== undefined && csv === undefined) await enrolClient(client, flags);
      else if (client === undefined && csv !== undefined) await enrolFromCsv({ ...flags, csv });
      else command.error("error: name a client, or a list with --csv");
    });
}

const HELP = `
The credential (mode 0600) holds the client's keys: bring it to the client by a way you trust, and keep no copy. The
client is admitted when the bridge has the documents. A topic is 1 to 1,024 bytes of any text.

A list has a first row with the columns' names: client, and any of publish, subscribe, valid_from, valid_until, signs
(yes or no). Several topics are in one field, with | between them, or in rows of their own. All that is wrong in it is
told, with its lines, before anything is made. Cut off, the same with --skip-enrolled goes on.

  client,publish,subscribe,valid_until
  pi-01,plant/1/temperature|plant/1/pressure,plant/setpoint,
  desk,,plant/1/temperature,2027-12-31
  desk,,plant/1/pressure,2027-12-31

Examples:
  veilmq kms enrol pi-01 --publish plant/boiler/temperature plant/boiler/pressure
  veilmq kms enrol desk --subscribe plant/boiler/temperature --valid-until 2027-12-31
  veilmq kms enrol pi-01 --again --publish plant/boiler/temperature --bridge https://bridge:8443 --bridge-ca ca.pem
  veilmq kms enrol --csv fleet.csv --out cards/ --bridge https://bridge:8443 --bridge-ca ca.pem`;

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
      validFromMs: flags.validFrom,
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
