/** A change on its way to the bridge: told to the audit log, kept by the owner, then a file below `documents/`. */
import { basename } from "node:path";
import { replaceFile } from "../core/runtime/files.ts";
import { sha256 } from "../core/scheme/bytes.ts";
import { encodeBundle } from "../core/wire/directory.ts";
import type { AuditEntry } from "./audit-log.ts";
import type { PlacedDocument } from "./documents.ts";
import type { Tenant } from "./tenant.ts";

/** Signed documents, and what the log is told of how they came about. */
export interface Change {
  /** Of the first of the documents; the bundle's name begins with it. */
  readonly serial: number;
  /** The rest of the bundle's name, such as `enrol-pi-01`. */
  readonly label: string;
  readonly documents: readonly PlacedDocument[];
  /** One for each client; the bundle's name and digest are added here. */
  readonly entries: readonly AuditEntry[];
  /** Writes what the owner knows now, and the credentials. */
  readonly keep: () => Promise<void>;
}

/**
 * The order of every change, for kill -9: first the log, so that nothing exists that it does not know of; then the
 * owner's own files; last the bundle, which is what takes effect. Cut off in between, the client is known here, and
 * `kms verify` tells that its documents are missing. Returns the bundle's path.
 */
export async function commitChange({ layout, audit }: Tenant, change: Change): Promise<string> {
  const path = layout.bundle(change.serial, change.label);
  const content = encodeBundle(change.documents);
  const file = { bundle: basename(path), digest: sha256(content).toString("base64url") };
  await audit.append(change.entries.map((entry) => ({ ...entry, ...file })));
  await change.keep();
  await replaceFile(path, content);
  return path;
}
