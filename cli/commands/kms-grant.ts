/** `veilmq kms grant` and `veilmq kms ungrant`. */
import type { Command } from "commander";
import type { ChangedGrants } from "../../kms/change-grants.ts";
import { printHint, printJson, printLine, printNote } from "../messages.ts";
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

interface ChangeFlags extends TenantFlags, PostFlags, TopicFlags {
  readonly credential?: string;
}
interface GrantFlags extends ChangeFlags, ValidityFlags {}
interface UngrantFlags extends ChangeFlags {
  readonly all?: true;
}

const CREDENTIAL_HELP = "where its credential is, if not where enrol puts it";

export function addGrant(kms: Command): void {
  const command = kms
    .command("grant")
    .description("give a client more topics, or change when they are valid")
    .argument("<client>", "its name");
  addTopicOptions(command, {
    publish: "topics it may publish too",
    subscribe: "topics it may read too",
  });
  addValidityOptions(command).option("--credential <file>", CREDENTIAL_HELP);
  addPostOptions(addTenantOptions(command))
    .addHelpText(
      "after",
      `
Publishing and reading are granted apart, a topic has one validity for both. A topic that the client has keeps its
validity unless another is given. It is in force when the bridge has the documents.

The bridge goes by the documents; the agent on a device also refuses topics that its credential does not list. So the
credential, where it is still here, is written again: bring it to the client. A producer that becomes a consumer gets
a key in it, and cannot read before it has the new file.

Examples:
  veilmq kms grant pi-01 --publish plant/boiler/flow
  veilmq kms grant desk --subscribe plant/boiler/flow --valid-from 2027-01-01 --valid-until 2027-07-01
  veilmq kms grant desk --subscribe plant/boiler/flow --valid-until never
  veilmq kms grant pi-01 --subscribe plant/boiler/setpoint --credential /media/card/pi-01.cred.json`,
    )
    .action(grantTopics);
}

export function addUngrant(kms: Command): void {
  const command = kms
    .command("ungrant")
    .description("take topics away from a client")
    .argument("<client>", "its name");
  addTopicOptions(command, {
    publish: "topics it may no longer publish",
    subscribe: "topics it may no longer read",
  })
    .option("--all", "all of its topics: it stays enrolled")
    .option("--credential <file>", CREDENTIAL_HELP);
  addPostOptions(addTenantOptions(command))
    .addHelpText(
      "after",
      `
It takes effect within a second of a bridge having the documents. A consumer keeps the keys that it was given before,
and opens what was sealed with them if it can still reach Kafka: where that matters, have the operator end its login.

Examples:
  veilmq kms ungrant desk --subscribe plant/boiler/flow --bridge https://bridge:8443 --bridge-ca ca.pem
  veilmq kms ungrant pi-01 --all`,
    )
    .action(ungrantTopics);
}

async function grantTopics(client: string, flags: GrantFlags): Promise<void> {
  const { withTenant } = await import("../../kms/tenant.ts");
  const { grant } = await import("../../kms/change-grants.ts");
  const changed = await withTenant(await tenantOf(flags), (tenant) =>
    grant(tenant, {
      client,
      publish: flags.publish ?? [],
      subscribe: flags.subscribe ?? [],
      validFromMs: flags.validFrom,
      validUntilMs: flags.validUntil,
      credentialPath: flags.credential,
    }),
  );
  await report(changed, flags);
}

async function ungrantTopics(client: string, flags: UngrantFlags): Promise<void> {
  const { withTenant } = await import("../../kms/tenant.ts");
  const { ungrant } = await import("../../kms/change-grants.ts");
  const changed = await withTenant(await tenantOf(flags), (tenant) =>
    ungrant(tenant, {
      client,
      publish: flags.publish ?? [],
      subscribe: flags.subscribe ?? [],
      all: flags.all ?? false,
      credentialPath: flags.credential,
    }),
  );
  await report(changed, flags);
}

async function report(changed: ChangedGrants, flags: ChangeFlags): Promise<void> {
  const { client, publish, subscribe, serial, credential, bundle } = changed;
  if (flags.json) printJson(changed);
  else {
    printLine(`${client} may now: publish ${publish}, subscribe ${subscribe}, serial ${serial}`);
    if (credential !== null) printLine(`credential: ${credential}`);
    printLine(`documents:  ${bundle}`);
  }
  if (credential === null) {
    printNote(`the credential of ${client} is not here, and lists the topics it had before`);
    printHint("an agent goes by that list: the file with --credential, or `kms enrol --again`");
  } else
    printNote(
      changed.newRecordHalf
        ? "the credential was written again, with a key to read with: the client needs it"
        : "the credential was written again, with the new topics: bring it to the client",
    );
  await postIfAsked(flags, bundle);
}
