/** An opened tenant: its keys in memory, its files at hand. */
import type { KeyObject } from "node:crypto";
import { isVeilError, VeilError } from "../core/errors.ts";
import { fileExists, readSecretFile } from "../core/runtime/files.ts";
import { FolderLock } from "../core/runtime/folder-lock.ts";
import { importSigningKey } from "../core/wire/keys.ts";
import { AuditLog } from "./audit-log.ts";
import { Layout } from "./layout.ts";
import { type MasterFile, openMaster } from "./master-file.ts";
import { StateFiles } from "./state-files.ts";

export interface TenantOptions {
  /** The owner's folder; the tenant's is below it. */
  readonly dir: string;
  readonly tenant: string;
  readonly passphrase: string;
}

/** What the making of keys and documents takes of a tenant. */
export interface Issuer {
  readonly name: string;
  readonly master: MasterFile;
  /** The KMS key, which signs the documents. */
  readonly signingKey: KeyObject;
}

export interface Tenant extends Issuer {
  readonly layout: Layout;
  readonly state: StateFiles;
  readonly audit: AuditLog;
}

/**
 * To read only: takes no lock. Opening takes half a second or more, scrypt's price. Throws NOT_FOUND where there is no such
 * tenant, AUTH on a wrong passphrase, SECRET_FILE where others may read the master file, ROLLED_BACK where that is an
 * older one than the audit log knows of: an epoch's number would be given to other keys.
 */
export async function openTenant(options: TenantOptions): Promise<Tenant> {
  for (;;) {
    const { tenant, sealed } = await openUnchecked(options);
    if (await isOfItsLog(tenant)) return tenant;
    // A rotation may have replaced it since, where no lock was taken.
    if (sealed.equals(await readSecretFile(tenant.layout.master))) throw rolledBack(tenant);
  }
}

async function openUnchecked({
  dir,
  tenant,
  passphrase,
}: TenantOptions): Promise<{ tenant: Tenant; sealed: Buffer }> {
  const layout = await find(dir, tenant);
  const sealed = await readSecretFile(layout.master);
  const master = await openMaster(sealed, passphrase);
  if (master.tenant !== tenant)
    throw new VeilError("BAD_DOCUMENT", "the master file is another tenant's");
  return { tenant: assembleTenant(layout, master), sealed };
}

/**
 * Whether the master file has the epochs that the audit log tells of, or newer ones, of a rotation that was cut off. A log
 * that does not read is not this one's to judge: every change refuses it, and `kms verify` tells.
 */
async function isOfItsLog({ master, audit }: Tenant): Promise<boolean> {
  const told = await audit.epochsSerial().catch((error: unknown) => {
    if (isVeilError(error, "BAD_DOCUMENT") || isVeilError(error, "SECRET_FILE")) return 0;
    throw error;
  });
  return (master.epochsSerial ?? 0) >= told;
}

function rolledBack({ layout }: Tenant): VeilError {
  return new VeilError(
    "ROLLED_BACK",
    `${layout.master} was put back: it has older epochs than the audit log knows of`,
    {
      hint: "put the newest one back in its place, from a backup if need be; `veilmq kms verify` tells more",
    },
  );
}

/** A tenant whose files are, or are about to be, at `layout`. */
export function assembleTenant(layout: Layout, master: MasterFile): Tenant {
  const { tenant, stateKey } = master;
  const state = new StateFiles({ folder: layout.state, tenant, key: stateKey });
  return {
    name: tenant,
    layout,
    master,
    signingKey: importSigningKey(master.signingSeed),
    state,
    audit: new AuditLog({ path: layout.auditLog, tenant, state, stateKey }),
  };
}

/** To change it: holds the tenant's lock while `change` runs. Throws as `openTenant`, and UNAVAILABLE while another kms runs. */
export async function withTenant<T>(
  options: TenantOptions,
  change: (tenant: Tenant) => Promise<T>,
): Promise<T> {
  return await underLock(options, async () => await change(await openTenant(options)));
}

/** As {@link withTenant}, to look at a tenant of which nothing is believed yet. */
export async function withUnverified<T>(
  options: TenantOptions,
  look: (tenant: Tenant) => Promise<T>,
): Promise<T> {
  return await underLock(options, async () => await look((await openUnchecked(options)).tenant));
}

async function underLock<T>({ dir, tenant }: TenantOptions, work: () => Promise<T>): Promise<T> {
  const lock = await FolderLock.take((await find(dir, tenant)).folder);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function find(dir: string, tenant: string): Promise<Layout> {
  const layout = new Layout(dir, tenant);
  if (!(await fileExists(layout.master)))
    throw new VeilError("NOT_FOUND", `there is no tenant ${tenant} in ${dir}`, {
      hint: "make it with `veilmq kms init`, or name its folder with --dir",
    });
  return layout;
}
