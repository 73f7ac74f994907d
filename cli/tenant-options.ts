/** The options that all `kms` commands share, and what comes of them. */
import { type Command, InvalidArgumentError } from "commander";
import type { TenantOptions } from "../kms/tenant.ts";
import { parseEnd, parseTime } from "../kms/time-text.ts";
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

/** Sends bundles that lie on disk to `--bridge`, if that is given. Throws what the bridge or the way to it says. */
export async function postIfAsked(
  { bridge, bridgeCa }: PostFlags,
  ...bundles: readonly string[]
): Promise<void> {
  if (bridge === undefined) return;
  const { postBundles } = await import("./post-documents.ts");
  const target = { url: bridge, caFile: bridgeCa };
  for await (const { accepted, unchanged } of postBundles(target, bundles))
    printNote(`the bridge has the documents: ${accepted} new, ${unchanged} known already`);
}

/** Reads an option's value as a whole number of at least 1. */
export function countOption(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text))
    throw new InvalidArgumentError("It is a whole number from 1 on.");
  return Number(text);
}

/** Reads an option's value as a serial. */
export function serialOption(text: string): number {
  if (!/^[1-9][0-9]{0,14}$/.test(text))
    throw new InvalidArgumentError("It is a whole number from 1 on.");
  return Number(text);
}

/** Reads an option's value as an ISO 8601 date or time; a date alone is its first moment in UTC. */
function timeOption(text: string): number {
  const timeMs = parseTime(text);
  if (timeMs === null) throw new InvalidArgumentError("It is a date, such as 2027-12-31.");
  return timeMs;
}

/** As `timeOption`, and `never`. */
function endOption(text: string): number {
  const timeMs = parseEnd(text);
  if (timeMs === null)
    throw new InvalidArgumentError("It is a date, such as 2027-12-31, or never.");
  return timeMs;
}

/** `--publish --subscribe`: topics by operation, each option with one or more of them. */
export function addTopicOptions(command: Command, words: { publish: string; subscribe: string }) {
  return command
    .option("--publish <topic...>", words.publish)
    .option("--subscribe <topic...>", words.subscribe);
}

/** `--valid-from --valid-until`. */
export function addValidityOptions(command: Command): Command {
  return command
    .option("--valid-from <date>", "when these topics begin, such as 2027-01-01 (UTC)", timeOption)
    .option("--valid-until <date>", "when they end, such as 2027-12-31 (UTC), or never", endOption);
}

export interface TopicFlags {
  readonly publish?: string[];
  readonly subscribe?: string[];
}

export interface ValidityFlags {
  readonly validFrom?: number;
  readonly validUntil?: number;
}
