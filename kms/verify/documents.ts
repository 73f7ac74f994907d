/** The bundles below `documents/`: each is the one that the audit log knows, and each document in it is signed for its place. */
import type { KeyObject } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import { sha256 } from "../../core/scheme/bytes.ts";
import {
  type Bundle,
  bundleSchema,
  documentKindOf,
  parseDocumentPath,
} from "../../core/wire/directory.ts";
import { verifyDocument } from "../../core/wire/document.ts";
import { parseJson, serialField } from "../../core/wire/fields.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import type { Tenant } from "../tenant.ts";
import type { Findings } from "./findings.ts";
import type { Newest, Told } from "./log.ts";

const BUNDLE_NAME = /^\d{12,16}-[a-z0-9._-]+\.json$/;
const anySerial = z.looseObject({ serial: serialField });

export interface DocumentsInput {
  readonly told: Told | null;
  /** The last serial given out, where it is known. */
  readonly lastSerial: number | undefined;
  readonly findings: Findings;
  /** Called after each bundle. */
  readonly onFile: () => void;
}

/** Names of the bundles, sorted; what else lies there is a note. */
export async function bundlesOf({ layout }: Tenant, findings: Findings): Promise<string[]> {
  const names = await readdir(layout.documents);
  for (const name of names) if (!BUNDLE_NAME.test(name)) findings.stranger(layout.documents, name);
  return names.filter((name) => BUNDLE_NAME.test(name)).sort();
}

/** Returns how many documents there are. */
export async function verifyDocuments(
  tenant: Tenant,
  names: readonly string[],
  { told, lastSerial, findings, onFile }: DocumentsInput,
): Promise<number> {
  const kmsPublicKey = importPublicKey(tenant.master.kmsPublicKey);
  let documents = 0;
  for (const name of names) {
    const path = join(tenant.layout.documents, name);
    const bytes = await readFile(path);
    const bundle = await findings.collect(path, () => {
      if (told) checkDigest(bytes, told.bundles.get(name));
      return parseJson(bytes, bundleSchema, "BAD_DOCUMENT");
    });
    for (const document of bundle?.documents ?? []) {
      documents++;
      await findings.collect(path, () =>
        checkDocument(document, { tenant: tenant.name, kmsPublicKey, lastSerial }),
      );
    }
    onFile();
  }
  if (told) reportMissing(tenant, { told, present: new Set(names), findings });
  return documents;
}

function checkDigest(bytes: Buffer, digest: string | undefined): void {
  if (digest === undefined)
    throw new VeilError("BAD_DOCUMENT", "the audit log does not know of this file");
  if (sha256(bytes).toString("base64url") !== digest)
    throw new VeilError("BAD_DOCUMENT", "was changed: it is not the file that the audit log knows");
}

interface Expected {
  readonly tenant: string;
  readonly kmsPublicKey: KeyObject;
  readonly lastSerial: number | undefined;
}

function checkDocument(
  { path, document }: Bundle["documents"][number],
  { tenant, kmsPublicKey, lastSerial }: Expected,
): void {
  const place = parseDocumentPath(path);
  if (place.tenant !== tenant)
    throw new VeilError("BAD_DOCUMENT", `${path} is a place of another tenant`);
  const kind = documentKindOf(place);
  const body = named(path, () => verifyDocument(kind, path, document, kmsPublicKey));
  // A mail's body is an age file, to its client alone; its number is its serial.
  const { serial } =
    place.kind === "mail"
      ? { serial: place.number }
      : named(path, () => parseJson(body, anySerial, "BAD_DOCUMENT"));
  if (lastSerial !== undefined && serial > lastSerial)
    throw new VeilError("BAD_DOCUMENT", `${path} has serial ${serial}, above the counter's`);
}

function named<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    const message = cause instanceof VeilError ? cause.message : "cannot be read";
    throw new VeilError("BAD_DOCUMENT", `${path}: ${message}`, { cause });
  }
}

/** A bundle that newer ones have replaced may be tidied away; the newest of a client may not. */
function reportMissing(
  { layout }: Tenant,
  { told, present, findings }: { told: Told; present: ReadonlySet<string>; findings: Findings },
): void {
  const needed = new Map<string, number>();
  const need = ({ bundle }: Newest): void => {
    if (bundle !== undefined) needed.set(bundle, (needed.get(bundle) ?? 0) + 1);
  };
  if (told.head) need(told.head);
  for (const newest of told.clients.values()) need(newest);
  let replaced = 0;
  for (const name of told.bundles.keys()) {
    if (present.has(name)) continue;
    const count = needed.get(name);
    if (count === undefined) replaced++;
    else
      findings.problem(
        join(layout.documents, name),
        `is missing, with the newest documents of ${count === 1 ? "a client" : `${count} clients`}: the command was cut off and has to be repeated, or the file was taken away`,
      );
  }
  if (replaced > 0)
    findings.note(layout.documents, `${replaced} files are gone that newer ones replace`);
}
