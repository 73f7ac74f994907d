/** An opened tenant: its keys in memory, its files at hand. */
import type { KeyObject } from "node:crypto";
import { VeilError } from "../core/errors.ts";
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
 * To read only: takes no lock. Opening takes a second or two, scrypt's price. Throws NOT_FOUND where there is no such
 * tenant, AUTH on a wrong passphrase, SECRET_FILE where others may read the master file.
 */
export async function openTenant({ dir, tenant, passphrase }: TenantOptions): Promise<Tenant> {
  const layout = await find(dir, tenant);
  const master = await openMaster(await readSecretFile(layout.master), passphrase);
  if (master.tenant !== tenant)
    throw new VeilError("BAD_DOCUMENT", "the master file is another tenant's");
  return assembleTenant(layout, master);
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
  const lock = await FolderLock.take((await find(options.dir, options.tenant)).folder);
  try {
    return await change(await openTenant(options));
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
