/** A tenant without the waiting: fixed safe primes, and a passphrase that is cheap to check. */

import { readFile } from "node:fs/promises";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type { SafePrimeSource } from "../../core/scheme/rsa/safe-primes.ts";
import { bundleSchema } from "../../core/wire/directory.ts";
import { type Initialised, type InitRequest, initTenant } from "../../kms/init.ts";
import { type ListedClient, listClients } from "../../kms/list.ts";
import type { Tenant, TenantOptions } from "../../kms/tenant.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";
import { testFolder } from "../support/folder.ts";

export const TENANT = "acme";
export const PASSPHRASE = "correct horse battery";
export const CHEAP_SCRYPT = 4;

export interface TestTenant extends TenantOptions {
  /** The bridge's age identity. */
  readonly identity: string;
  readonly made: Initialised;
}

export async function makeTenant(overrides: Partial<InitRequest> = {}): Promise<TestTenant> {
  const identity = await generateX25519Identity();
  const options = { dir: await testFolder(), tenant: TENANT, passphrase: PASSPHRASE };
  const recipients = [await identityToRecipient(identity)];
  const { suite } = overrides;
  const made = await initTenant({ ...quick(suite), ...options, recipients, ...overrides });
  return { ...options, identity, made };
}

/** What makes `initTenant` quick: little scrypt, and with `rsa` 2,048 bits and known primes. */
export function quick(suite: InitRequest["suite"] = "rsa"): Partial<InitRequest> {
  const scryptWorkFactor = CHEAP_SCRYPT;
  return suite === "rsa"
    ? { bits: 2048, primes: knownPrimes(), scryptWorkFactor }
    : { scryptWorkFactor };
}

function knownPrimes(): SafePrimeSource {
  const { tag, record } = FIXTURE_MASTER;
  const primes = [tag.p, tag.q, record.p, record.q];
  return async () => {
    const prime = primes.shift();
    if (!prime) throw new Error("a master key takes four primes");
    return prime;
  };
}

export async function allClients(tenant: Tenant): Promise<ListedClient[]> {
  const clients: ListedClient[] = [];
  for await (const client of listClients(tenant)) clients.push(client);
  return clients;
}

/** The documents in a bundle's file, by path. */
export async function readBundle(file: string): Promise<Map<string, Buffer>> {
  const bundle = bundleSchema.parse(JSON.parse(await readFile(file, "utf8")));
  return new Map(bundle.documents.map(({ path, document }) => [path, document]));
}
