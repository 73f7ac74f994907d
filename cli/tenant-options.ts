/** The options that all `kms` commands share, and what comes of them. */
import { type Command, InvalidArgumentError } from "commander";
import type { TenantOptions } from "../kms/tenant.ts";
import { printNote } from "./messages.ts";

export interface OwnerFlags {
  readonly dir: string;
  readonly passphraseFile?: string;
  readonly json?: true;
}

export interface TenantFlags extends OwnerFlags {
  readonly tenant?: string;
}

export interface PostFlags {
  readonly bridge?: string;
  readonly bridgeCa?: string;
}

/** `--dir --passphrase-file --json`. */
export function addOwnerOptions(command: Command): Command {
  return command
    .option("--dir <folder>", "the owner's folder", "./kms")
    .option("--passphrase-file <file>", "read the passphrase there instead of asking for it")
    .option("--json", "print the result as JSON");
}

/** `--tenant` and what `addOwnerOptions` adds. */
export function addTenantOptions(command: Command): Command {
  return addOwnerOptions(
    command.option("--tenant <tenant>", "which tenant (default: the only one there)"),
  );
}

/** `--bridge --bridge-ca`. */
export function addPostOptions(command: Command): Command {
  return command
    .option("--bridge <url>", "also send the documents to this bridge")
    .option("--bridge-ca <file>", "PEM of the authority behind the bridge's certificate");
}

/** Which tenant to open, with its passphrase. Throws as `onlyTenant` and `readPassphrase`. */
export async function tenantOf(flags: TenantFlags): Promise<TenantOptions> {
  const { onlyTenant } = await import("../kms/layout.ts");
  const { readPassphrase } = await import("./passphrase.ts");
  const tenant = flags.tenant ?? (await onlyTenant(flags.dir));
  return { dir: flags.dir, tenant, passphrase: await readPassphrase(flags.passphraseFile) };
}

/** Sends a bundle that lies on disk to `--bridge`, if that is given. Throws what the bridge or the way to it says. */
export async function postIfAsked({ bridge, bridgeCa }: PostFlags, bundle: string): Promise<void> {
  if (bridge === undefined) return;
  const { postBundles } = await import("./post-documents.ts");
  for await (const { accepted, unchanged } of postBundles({ url: bridge, caFile: bridgeCa }, [
    bundle,
  ]))
    printNote(`the bridge has the documents: ${accepted} new, ${unchanged} known already`);
}

/** Reads an option's value as a whole number of at least 1. */
export function countOption(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError("It is a whole number.");
  return Number(text);
}

/** Reads an option's value as an ISO 8601 date or time; a date alone is its first moment in UTC. */
export function timeOption(text: string): number {
  const timeMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs)) throw new InvalidArgumentError("It is a date, such as 2027-12-31.");
  return timeMs;
}
