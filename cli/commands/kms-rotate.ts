/** `veilmq kms rotate`. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { VeilError } from "../../core/errors.ts";
import type { EpochsChanged } from "../../kms/change-epochs.ts";
import type { TenantOptions } from "../../kms/tenant.ts";
import { printJson, printLine, printNote } from "../messages.ts";
import {
  addPostOptions,
  addTenantOptions,
  type PostFlags,
  postIfAsked,
  type TenantFlags,
  tenantOf,
} from "../tenant-options.ts";
import { BITS, SUITES } from "./kms-init.ts";
import { fleetProgress } from "./kms-progress.ts";
import { dueOf, untilOf } from "./kms-times.ts";

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 24 * 3_600_000 } as const;

interface RotateFlags extends TenantFlags, PostFlags {
  readonly suite?: (typeof SUITES)[number];
  readonly bits?: keyof typeof BITS;
  readonly grace?: number;
  readonly compromised?: true;
  readonly retire?: true;
}

export function addRotate(kms: Command): void {
  const command = kms
    .command("rotate")
    .description("new keys and new names: the next epoch, sent to every client by mail")
    .addOption(
      new Option("--suite <suite>", "change the scheme too (default: as before)").choices(SUITES),
    )
    .addOption(
      new Option("--bits <size>", "with rsa: size of the moduli").choices(Object.keys(BITS)),
    )
    .option("--grace <time>", "how long the old names remain, such as 21d, 36h", graceOption)
    .option("--compromised", "end all older epochs at once; what is not read yet is lost")
    .option("--retire", "make no new epoch: only take away what has ended");
  addPostOptions(addTenantOptions(command))
    .addHelpText(
      "after",
      `
Each client gets its new keys in a mail: sealed to it alone, signed by you, carried by the bridge, taken when it is
online. No client is visited. Then the life of the epoch before goes on in two steps:
  until the grace window ends   both epochs work. It must be as long as the longest time that a device may be off
                                with readings in its outbox: 60 days unless told otherwise, as agents have it.
  until retention has passed    its names are gone; what was sealed under it is still taken and read.
Bridges stop at both times by themselves. \`--retire\`, or the next rotation, then takes the halves away from them, and
\`veilmq kms show\` says when that is due.

--compromised is for keys that are in wrong hands: everything older ends when the bridge has the documents. Records
under older epochs that a consumer has not read, in Kafka or still in a device's outbox, cannot be read any more.

Cut off, the command is run again, and goes on. Import all of its documents, in the order of their names.

Examples:
  veilmq kms rotate --bridge https://bridge:8443 --bridge-ca ca.pem
  veilmq kms rotate --suite p256 --grace 21d
  veilmq kms rotate --retire
  veilmq kms rotate --compromised`,
    )
    .action(changeEpochs);
}

async function changeEpochs(flags: RotateFlags): Promise<void> {
  const { withTenant } = await import("../../kms/tenant.ts");
  refuseContradictions(flags);
  const options = await tenantOf(flags);
  const changed = await withTenant(options, (tenant) =>
    flags.retire ? retireEpochs(tenant, options) : rotateEpochs(tenant, options, flags),
  );
  if (flags.json) printJson(changed);
  else for (const line of told(changed)) printLine(line);
  if (flags.compromised && changed.dropped.length > 0) printNote(lost(changed.dropped));
  await postIfAsked(flags, ...changed.bundles);
}

type Opened = Parameters<typeof import("../../kms/rotate.ts").rotate>[0];

async function rotateEpochs(
  tenant: Opened,
  { passphrase }: TenantOptions,
  { suite, bits, grace, compromised }: RotateFlags,
): Promise<EpochsChanged> {
  const { rotate } = await import("../../kms/rotate.ts");
  const { Progress } = await import("../../core/runtime/progress.ts");
  const search = new Progress({ label: "searching safe primes", total: 4 });
  const clients = fleetProgress("telling clients");
  return await rotate(tenant, {
    passphrase,
    suite,
    bits: bits && BITS[bits],
    graceMs: grace,
    compromised,
    onProgress: ({ done, of }) => {
      if (done === 0) search.start();
      else search.update(done);
      if (done === of) search.stop();
    },
    onClients: clients.onProgress,
  }).finally(() => {
    search.stop();
    clients.stop();
  });
}

async function retireEpochs(tenant: Opened, { passphrase }: TenantOptions): Promise<EpochsChanged> {
  const { retire } = await import("../../kms/rotate.ts");
  const clients = fleetProgress("telling clients");
  return await retire(tenant, { passphrase, onClients: clients.onProgress }).finally(clients.stop);
}

function refuseContradictions({ retire, compromised, suite, bits, grace }: RotateFlags): void {
  if (retire && (compromised || suite || bits || grace !== undefined))
    throw new VeilError("BAD_ARGUMENT", "--retire makes no new epoch", {
      hint: "it stands alone; without it a rotation retires what is due beside",
    });
  if (compromised && grace !== undefined)
    throw new VeilError("BAD_ARGUMENT", "with --compromised there is no grace window");
}

const DONE: Readonly<Record<EpochsChanged["done"], string>> = {
  rotate: "rotated",
  retire: "retired what was due",
  finish: "finished what was cut off (for another epoch: once more)",
  nothing: "nothing is due",
};

function told({ done, epochs, next, clients, bundles, seconds }: EpochsChanged): string[] {
  const time = clients > 0 ? ` in ${seconds.toFixed(1)} s` : "";
  const [first] = bundles;
  const last = bundles.at(-1);
  return [
    `${DONE[done]}: ${clients} clients told${time}`,
    ...epochs.map((epoch) => `epoch ${String(epoch.epoch).padEnd(5)} ${untilOf(epoch)}`),
    ...(next ? [`next        ${dueOf(next)}`] : []),
    ...(first === undefined ? [] : [`documents:  ${first}`]),
    ...(last === first ? [] : [`       … to ${last}: ${bundles.length} files, in their order`]),
  ];
}

function lost(epochs: readonly number[]): string {
  const which = epochs.length === 1 ? `epoch ${epochs[0]}` : `epochs ${epochs.join(", ")}`;
  return `lost when the bridge has the documents: whatever is sealed under ${which} and has not been read yet, in Kafka and in outboxes`;
}

/** Reads an option's value as a time: a number of minutes, hours or days. */
function graceOption(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,5})([mhd])$/.exec(text) ?? [];
  if (count === undefined || (unit !== "m" && unit !== "h" && unit !== "d"))
    throw new InvalidArgumentError("It is a time, such as 14d, 36h or 90m.");
  return Number(count) * UNIT_MS[unit];
}
