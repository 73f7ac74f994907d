/**
 * `kms restore`: a tenant's folder from a backup. All or nothing: the folder appears when everything in it is verified.
 *
 * Serials. Bridges refuse a document whose serial is not above the one they have, and two documents under one serial
 * are an alarm. The counter in a backup is old: nobody here knows how many serials were given out after it was made.
 * So a restored counter begins at the milliseconds since 2026-01-01: above all that the tenant can have given out, as
 * long as that was less than 1,000 a second on average since then, and above what any earlier restore gave out, also of
 * the same backup. It is the one place where the owner's clock matters. Where it is behind the backup, the owner has to
 * say a serial that is surely above.
 */
import { createReadStream } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isVeilError, VeilError } from "../../core/errors.ts";
import { fileExists, makeFolder, readSecretFile, syncFolder } from "../../core/runtime/files.ts";
import { cannotRead } from "../../core/runtime/why-not.ts";
import { parseJson, serialField } from "../../core/wire/fields.ts";
import { openStream } from "../age.ts";
import { Layout, tenantFileKind } from "../layout.ts";
import { openMaster } from "../master-file.ts";
import { assembleTenant, type Tenant } from "../tenant.ts";
import { verifyTenant } from "../verify/verify.ts";
import { inWorkshop } from "../workshop.ts";
import { refuseDamaged } from "./export.ts";
import { MANIFEST_FILE, MAX_MANIFEST_BYTES, type Manifest, manifestSchema } from "./manifest.ts";
import { type PackedFile, unpack } from "./tar.ts";

/** Where restored serials count from. Twelve digits of milliseconds, as bundles' names have, last until 2057. */
const SERIAL_CLOCK_START_MS = Date.UTC(2026, 0, 1);

export interface RestoreRequest {
  readonly path: string;
  /** The owner's folder, which must not have the tenant. */
  readonly dir: string;
  readonly backupPassphrase: string;
  /** The tenant's own, which the master file in the backup is sealed under. */
  readonly passphrase: string;
  /** A serial that no document of the tenant has reached. Needed where the clock cannot tell. */
  readonly serialAbove?: number | undefined;
  readonly nowMs?: number;
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void;
}

export interface Restored {
  readonly tenant: string;
  readonly folder: string;
  readonly clients: number;
  /** When the backup was made: what was done since is not in it. */
  readonly backedUpAtMs: number;
  /** The last serial that the backup knows of, and the one that the next will be above. */
  readonly serialInBackup: number;
  readonly serial: number;
}

/**
 * Throws BAD_ARGUMENT; AUTH on a wrong passphrase or a changed file; CONFLICT where the tenant exists; BAD_DOCUMENT where what is
 * inside does not verify; ROLLED_BACK where no safe serial is known.
 */
export async function restoreTenant(request: RestoreRequest): Promise<Restored> {
  const { path, dir, backupPassphrase } = request;
  checkSerialAbove(request);
  return await inWorkshop({ dir, command: "restore" }, async (workshop) => {
    const archive = await openBackup(path, backupPassphrase);
    const manifest = await unpackInto(workshop, archive, request);
    const final = new Layout(dir, manifest.tenant);
    const layout = new Layout(workshop, manifest.tenant);
    const tenant = await openIn(layout, request.passphrase);
    const verified = await verifyTenant(tenant);
    refuseDamaged(verified);
    const serial = await raise(tenant, request);
    await refuseExisting(final);
    await rename(layout.folder, final.folder);
    await syncFolder(dir);
    return {
      tenant: manifest.tenant,
      folder: final.folder,
      clients: verified.clients,
      backedUpAtMs: manifest.createdAtMs,
      serialInBackup: manifest.serial,
      serial,
    };
  });
}

function checkSerialAbove({ serialAbove }: RestoreRequest): void {
  if (serialAbove !== undefined && !serialField.safeParse(serialAbove).success)
    throw new VeilError("BAD_ARGUMENT", "a serial is a whole number above 0");
}

async function unpackInto(
  workshop: string,
  archive: AsyncIterable<Uint8Array>,
  { dir, onProgress }: RestoreRequest,
): Promise<Manifest> {
  let manifest: Manifest | undefined;
  let done = 0;
  for await (const file of unpack(archive)) {
    if (!manifest) {
      manifest = await readManifest(file);
      await refuseExisting(new Layout(dir, manifest.tenant));
      await makeFolders(new Layout(workshop, manifest.tenant));
      continue;
    }
    await unpackFile(join(workshop, manifest.tenant), manifest.tenant, file);
    done++;
    onProgress?.({ done, of: manifest.files });
  }
  if (manifest?.files !== done) throw new VeilError("BAD_DOCUMENT", "the backup is not complete");
  return manifest;
}

async function readManifest({ path, bytes, content }: PackedFile): Promise<Manifest> {
  if (path !== MANIFEST_FILE || bytes > MAX_MANIFEST_BYTES)
    throw new VeilError("BAD_DOCUMENT", "the file is no backup of a tenant");
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return parseJson(Buffer.concat(parts), manifestSchema, "BAD_DOCUMENT");
}

async function makeFolders(layout: Layout): Promise<void> {
  for (const folder of [layout.clients, layout.documents, layout.credentials])
    await makeFolder(folder);
}

/** Only what a command of ours could have written: no path of the archive's own leads anywhere else. */
async function unpackFile(folder: string, tenant: string, file: PackedFile): Promise<void> {
  const path = file.path.slice(tenant.length + 1);
  const kind = file.path.startsWith(`${tenant}/`) ? tenantFileKind(path) : null;
  if (!kind)
    throw new VeilError("BAD_DOCUMENT", "the backup holds a file that is none of a tenant");
  const target = join(folder, path);
  const handle = await open(target, "wx", kind === "secret" ? 0o600 : 0o644);
  try {
    for await (const chunk of file.content) await handle.writeFile(chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(target));
}

async function openIn(layout: Layout, passphrase: string): Promise<Tenant> {
  return assembleTenant(layout, await openMaster(await readSecretFile(layout.master), passphrase));
}

async function openBackup(path: string, passphrase: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    return await openStream(createReadStream(path), passphrase);
  } catch (cause) {
    if (isVeilError(cause)) throw cause;
    throw cannotRead(path, cause, { code: "BAD_ARGUMENT" });
  }
}

async function refuseExisting({ folder }: Layout): Promise<void> {
  if (await fileExists(folder))
    throw new VeilError("CONFLICT", `${folder} exists already`, {
      hint: "--dir names another folder; two that are both used give the same serials out twice",
    });
}

/** Returns the serial that the next one will be above. */
async function raise(
  { state, audit }: Tenant,
  { serialAbove = 0, nowMs = Date.now() }: RestoreRequest,
): Promise<number> {
  const last = await state.lastSerial();
  const serial = Math.max(nowMs - SERIAL_CLOCK_START_MS, serialAbove);
  if (serial <= last)
    throw new VeilError("ROLLED_BACK", "this machine's clock is behind the backup", {
      hint: "set the clock; or --serial-above with a number that no document has reached (the bridge's log has the serials)",
    });
  await state.raiseSerial(serial);
  await audit.append([{ op: "restore", serial }]);
  return serial;
}
