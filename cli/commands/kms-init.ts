/** `veilmq kms init`. */
import { type Command, Option } from "commander";
import { printJson, printLine } from "../messages.ts";
import {
  addOwnerOptions,
  addPostOptions,
  countOption,
  type OwnerFlags,
  type PostFlags,
  postIfAsked,
} from "../tenant-options.ts";
import { DAY_MS } from "./kms-times.ts";

export const SUITES = ["rsa", "p256", "hmac", "pki"] as const;
export const BITS = { "2048": 2048, "3072": 3072, "4096": 4096 } as const;

interface InitFlags extends OwnerFlags, PostFlags {
  readonly suite: (typeof SUITES)[number];
  readonly bits?: keyof typeof BITS;
  readonly bridgeRecipient: string[];
  readonly partitions: number;
  readonly retentionDays: number;
  readonly mqtt?: string[];
  readonly http?: string[];
  readonly ca?: string;
}

export function addInit(kms: Command): void {
  const command = kms
    .command("init")
    .description("make a tenant: its keys, and the first document for the bridge")
    .argument("<tenant>", "its name: a-z 0-9 . _ -")
    .requiredOption(
      "--bridge-recipient <recipient...>",
      "age1…: what the operator's `veilmq bridge identity` printed",
    )
    .addOption(
      new Option("--suite <suite>", "the scheme of the keys, see below")
        .choices(SUITES)
        .default("rsa"),
    )
    .addOption(
      new Option("--bits <size>", "with rsa: size of the moduli (default: 3072)").choices(
        Object.keys(BITS),
      ),
    )
    .option("--partitions <n>", "Kafka partitions of each topic; never change it", countOption, 1)
    .option("--retention-days <n>", "how long Kafka keeps records", countOption, 30)
    .option("--mqtt <url...>", "where devices find the bridge, mqtts://host:port")
    .option("--http <url...>", "where consumers find the bridge, https://host:port")
    .option("--ca <file>", "PEM of the only authority that clients trust there");
  addPostOptions(addOwnerOptions(command))
    .addHelpText(
      "after",
      `
Suites:
  rsa   no two clients share a secret. The default. A token costs 2 to 15 ms, on a Raspberry Pi ten times that.
  p256  no two clients share a secret. For small devices and large fleets: a twentieth of the work on a device, a
        fiftieth on a bridge, keys of 32 bytes.
  hmac  all clients share one key: taken from any device it is every device's, and an operator who gets hold of it
        reads every reading. For one organisation that trusts all of its devices alike.
  pki   as hmac, and a consumer also signs what it asks for.

With rsa four safe primes are searched: seconds at 2048 bits, about a minute at 3072, some minutes at 4096. The
master file is sealed under a passphrase, asked for twice or read from a file that only you can read. Nothing can
replace either: keep copies apart from each other.

Examples:
  veilmq kms init acme --bridge-recipient age1…
  veilmq kms init acme --bridge-recipient age1… --suite p256
  veilmq kms init acme --bridge-recipient age1… --passphrase-file pass.txt --bits 4096 \\
    --mqtt mqtts://bridge.example:8883 --http https://bridge.example:8443 --ca bridge-ca.pem`,
    )
    .action(init);
}

async function init(tenant: string, flags: InitFlags): Promise<void> {
  const { choosePassphrase } = await import("../passphrase.ts");
  const { readAddresses } = await import("../bridge-addresses.ts");
  const { initTenant } = await import("../../kms/init.ts");
  const { Progress } = await import("../../core/runtime/progress.ts");
  const addresses = { mqtt: [], http: [], ...(await readAddresses(flags)) };
  const passphrase = await choosePassphrase(flags.passphraseFile);
  const progress = new Progress({ label: "searching safe primes", total: 4 });
  const made = await initTenant({
    dir: flags.dir,
    tenant,
    passphrase,
    suite: flags.suite,
    bits: flags.bits && BITS[flags.bits],
    recipients: flags.bridgeRecipient,
    partitions: flags.partitions,
    retentionMs: flags.retentionDays * DAY_MS,
    addresses,
    onProgress: ({ done }) => (done === 0 ? progress.start() : progress.update(done)),
  }).finally(() => progress.stop());
  if (flags.json) printJson(made);
  else {
    const size = made.suite === "rsa" ? `, ${made.bits} bits` : "";
    printLine(`tenant ${made.tenant}: suite ${made.suite}${size}, epoch ${made.epoch}`);
    printLine(`for bridge.yaml: ${made.publicFile}`);
    printLine(`documents:       ${made.bundle}`);
  }
  await postIfAsked(flags, made.bundle);
}
