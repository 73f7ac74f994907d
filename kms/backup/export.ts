/** `kms export`: the whole of a tenant's folder in one file, under a passphrase of its own. */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { fileExists, replaceSecretFile } from "../../core/runtime/files.ts";
import { cannotMake } from "../../core/runtime/why-not.ts";
import { sealStream } from "../age.ts";
import { tenantFileKind } from "../layout.ts";
import type { Tenant } from "../tenant.ts";
import { type Verified, verifyTenant } from "../verify/verify.ts";
import { MANIFEST_FILE, type Manifest } from "./manifest.ts";
import { type FileToPack, pack } from "./tar.ts";

const SECRET_MODE = 0o600;
const PUBLIC_MODE = 0o644;
const IF_TAKEN = "a backup never overwrites another one";

export interface ExportRequest {
  /** Where the backup goes; nothing may be there. */
  readonly path: string;
  readonly backupPassphrase: string;
  /** log2 of scrypt's N: a test cannot wait for it. */
  readonly scryptWorkFactor?: number;
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void;
}

export interface Exported {
  readonly tenant: string;
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
  /** The last serial given out by then. */
  readonly serial: number;
}

/**
 * Verifies first, since a backup of a damaged folder would replace a good one: throws BAD_DOCUMENT where something is
 * wrong, CONFLICT where `path` exists, BAD_ARGUMENT where its folder does not. The folder must not change meanwhile.
 */
export async function exportTenant(tenant: Tenant, request: ExportRequest): Promise<Exported> {
  const { path, backupPassphrase, scryptWorkFactor, onProgress } = request;
  if (await fileExists(path))
    throw new VeilError("CONFLICT", `${path} exists already`, { hint: IF_TAKEN });
  await stat(dirname(path)).catch((cause: unknown) => {
    throw cannotMake(path, cause, { code: "BAD_ARGUMENT", ifTaken: IF_TAKEN });
  });
  refuseDamaged(await verifyTenant(tenant));
  // Before the copy leaves, and so that the copy tells of itself.
  const serial = await tenant.state.takeSerials();
  await tenant.audit.append([{ op: "export", serial }]);
  const files = await filesOf(tenant);
  let done = 0;
  const archive = pack(
    withProgress(contents(tenant, { files, serial }), () => {
      // The manifest comes first, and is none of them.
      onProgress?.({ done, of: files.length });
      done++;
    }),
  );
  const sealed = await sealStream(archive, backupPassphrase, scryptWorkFactor);
  await replaceSecretFile(path, sealed);
  const bytes = (await stat(path)).size;
  return { tenant: tenant.name, path, files: files.length, bytes, serial };
}

/** Throws BAD_DOCUMENT. */
export function refuseDamaged({ problems }: Verified): void {
  const [first] = problems;
  if (first)
    throw new VeilError(
      "BAD_DOCUMENT",
      `${problems.length} problems, such as ${first.path}: ${first.what}`,
      {
        hint: "`veilmq kms verify` lists them; a copy of a damaged folder is a matter for cp -a",
      },
    );
}

/** The paths of ours below the tenant's folder, sorted. */
async function filesOf({ layout }: Tenant): Promise<string[]> {
  const entries = await readdir(layout.folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(layout.folder, join(entry.parentPath, entry.name)))
    .filter((path) => tenantFileKind(path) !== null)
    .sort();
}

async function* contents(
  { name, layout }: Tenant,
  { files, serial }: { files: readonly string[]; serial: number },
): AsyncGenerator<FileToPack> {
  const createdAtMs = Date.now();
  const manifest: Manifest = {
    veilmq: "backup",
    version: 1,
    tenant: name,
    createdAtMs,
    serial,
    files: files.length,
  };
  const text = Buffer.from(`${JSON.stringify(manifest)}\n`, "utf8");
  yield {
    path: MANIFEST_FILE,
    mode: SECRET_MODE,
    modifiedAtMs: createdAtMs,
    bytes: text.length,
    content: [text],
  };
  for (const file of files) {
    const path = join(layout.folder, file);
    const { size, mtimeMs } = await stat(path);
    yield {
      path: `${name}/${file}`,
      mode: tenantFileKind(file) === "public" ? PUBLIC_MODE : SECRET_MODE,
      modifiedAtMs: mtimeMs,
      bytes: size,
      content: createReadStream(path),
    };
  }
}

async function* withProgress<T>(items: AsyncIterable<T>, onItem: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    onItem();
    yield item;
  }
}
